/** What a person types for the way out of a network that is bound to an uplink. Pure. */
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import { changeLines, tableOf, uplinkRoutesOf, wantedRoutes, wantedRules } from './uplink-routes.js';

export function uplinkRouteCommands(project: string, change: Change): string[] {
  const table = tableOf(project, subjectOf(change));
  const goes = change.action === 'create' ? [] : goCommands(table);
  return [...goes, ...(change.action === 'delete' ? [] : comeCommands(table, change.after))];
}

function goCommands(table: string): string[] {
  return ([4, 6] as const).flatMap((family) => [
    `ip -${family} rule del lookup ${table} 2>/dev/null || true`,
    `ip -${family} route flush table ${table} 2>/dev/null || true`,
  ]);
}

/** What the host has learnt of the uplink, the shell finds out. */
function comeCommands(table: string, resource: Resource): string[] {
  const asked = uplinkRoutesOf(resource);
  if (asked === undefined) return [];
  const { uplink, families, gateways } = asked;
  const rules = wantedRules(table, asked);
  const routes = wantedRoutes(table, asked, []);
  return families.flatMap((family) => {
    const lines = changeLines(family, { standing: [], wanted: rules }, { standing: [], wanted: routes });
    const show = `ip -${family} route show`;
    const put = `ip -${family} route replace`;
    const learnt = [
      `via=$(${show} default dev ${uplink} | sed -n 's/.*via \\([^ ]*\\).*/\\1/p' | head -n 1)`,
      `[ -z "$via" ] || ${put} default via "$via" dev ${uplink} onlink table ${table} proto 80`,
    ];
    return [
      `${show} dev ${uplink} | sed -n '/^default\\|^fe80/!s/ .*//p' | while read -r block; do ${put} "$block" dev ${uplink} table ${table} proto 80; done`,
      ...(gateways === null ? learnt : []),
      ...lines.map((line) => `ip -${family} ${line}`),
    ];
  });
}
