/**
 * The way of a frame through the flow tables, as `ofproto/trace` tells it (ovs-vswitchd(8)):
 *
 *     bridge("psl0")
 *     --------------
 *      0. in_port=2,dl_src=52:54:00:d7:c2:32, priority 200, cookie 0x7073c52cc1d80a13
 *         goto_table:1
 *      1. udp,tp_dst=68, priority 900, cookie 0x70734ab1adcbb62d
 *         drop
 *     …
 *     Datapath actions: drop
 *
 * Pure; what it does not know it leaves out.
 */

/** One flow that the frame met. */
export interface FlowStep {
  readonly table: number;
  /** Empty: whatever comes, or `No match.`. */
  readonly match: string;
  readonly priority: number;
  /** `0x0` of a flow without one. */
  readonly cookie: string;
  /** `drop`, `NORMAL`, `goto_table:1`: the last of its actions. */
  readonly action: string;
}

export interface FlowWalk {
  /** The bridge it was in at the end. */
  readonly bridge: string;
  /** In the order they were met; those that were only asked (`resubmit`) are not among them. */
  readonly steps: readonly FlowStep[];
  /** What the learning switch said last: `learned port is input port, dropping`. */
  readonly remark?: string;
  /** `drop`, or where it goes in the words of the datapath. */
  readonly actions: string;
}

const BRIDGE = /^bridge\("(?<name>.*)"\)$/u;
/** Not indented further than a number of two digits: the frame itself is there. */
const STEP =
  /^ ?(?<table>\d+)\. (?:(?<match>\S+), )?priority (?<priority>\d+)(?:, cookie (?<cookie>0x[0-9a-f]+))?$/u;
const UNMATCHED = /^ ?(?<table>\d+)\. No match\.$/u;
const ACTION = /^ {4}(?<action>[^ ].*)$/u;
const REMARK = /^ {5}-> (?<remark>.+)$/u;
const ACTIONS = /^Datapath actions: (?<actions>.+)$/u;

/** `undefined`: that is no way of a frame. */
export function parseFlowWalk(text: string): FlowWalk | undefined {
  let bridge = '';
  const steps: FlowStep[] = [];
  let remark: string | undefined;
  let actions: string | undefined;
  for (const line of text.split('\n')) {
    bridge = BRIDGE.exec(line)?.groups?.['name'] ?? bridge;
    actions = ACTIONS.exec(line)?.groups?.['actions'] ?? actions;
    const step = STEP.exec(line)?.groups ?? UNMATCHED.exec(line)?.groups;
    if (step !== undefined) {
      const { table, match = '', priority = '0', cookie = '0x0' } = step;
      steps.push({ table: Number(table), match, priority: Number(priority), cookie, action: '' });
      remark = undefined;
    }
    const action = ACTION.exec(line)?.groups?.['action'];
    const last = steps.at(-1);
    if (action !== undefined && last !== undefined) steps[steps.length - 1] = { ...last, action };
    remark = REMARK.exec(line)?.groups?.['remark'] ?? remark;
  }
  if (actions === undefined) return undefined;
  return { bridge, steps, actions, ...(remark !== undefined && { remark }) };
}

/** As `ovs-ofctl dump-flows` prints it. @param last the flow that ended a frame. */
export function flowText(bridge: string, last: FlowStep | undefined): string {
  if (last === undefined) return bridge;
  const { table, match, priority } = last;
  return `${bridge} table=${table},priority=${priority}${match === '' ? '' : `,${match}`}`;
}
