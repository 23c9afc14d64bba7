import tab from '@bomb.sh/tab/commander';
import { Argument, Command, Option } from 'commander';
import { PasserelleError } from '../errors.js';
import { type Tool, TOOLS } from '../exports/configuration.js';
import { ENGINE_NAMES } from '../topology/topology.js';
import { VERSION } from '../version.js';
import { screenOf } from './output/style.js';
import { type CommonOptions, type Session, writeJson } from './session.js';
import { captureVerb, type CaptureOptions } from './verbs/capture.js';
import { commitVerb } from './verbs/commit.js';
import { doctorVerb } from './verbs/doctor.js';
import { downVerb, type DownOptions } from './verbs/down.js';
import { exportVerb } from './verbs/export.js';
import { initVerb } from './verbs/init.js';
import { leasesVerb } from './verbs/leases.js';
import { logsVerb, type LogsOptions } from './verbs/logs.js';
import { netdevVerb } from './verbs/netdev.js';
import { planVerb } from './verbs/plan.js';
import { schemaVerb } from './verbs/schema.js';
import { statusVerb } from './verbs/status.js';
import { traceVerb, type TraceOptions } from './verbs/trace.js';
import { upVerb } from './verbs/up.js';
import { validateVerb } from './verbs/validate.js';

/** A verb with the options that all of them share, and examples below its help. */
function verb(program: Command, usage: string, description: string, examples: readonly string[]): Command {
  return program
    .command(usage)
    .description(description)
    .addOption(new Option('-f, --file <file>', 'the project file').default('passerelle.yaml'))
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .addOption(new Option('--engine <engine>', 'use this engine for every network').choices(ENGINE_NAMES))
    .addOption(new Option('--host <host>', 'which of the file’s hosts this machine is'))
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}\n`);
}

function sessionFor(options: CommonOptions, signal: AbortSignal): Session {
  return {
    out: screenOf(process.stdout, process.env),
    notes: screenOf(process.stderr, process.env),
    format: options.format,
    environment: process.env,
    signal,
  };
}

/**
 * Commander hands the verb's command last; what the verb returns becomes the exit status. With `--format json` problems
 * are JSON as well, so that a program reads one thing whatever happens.
 */
// The parameter is what ties a verb's options to what commander parsed.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function run<O extends CommonOptions>(
  signal: AbortSignal,
  task: (session: Session, options: O, name?: string) => Promise<number>,
) {
  return async (...words: unknown[]): Promise<void> => {
    const command = words.at(-1) as Command;
    const options = command.opts<O>();
    const session = sessionFor(options, signal);
    const name = typeof words[0] === 'string' ? words[0] : undefined;
    try {
      process.exitCode = await task(session, options, name);
    } catch (error) {
      if (options.format !== 'json' || !(error instanceof PasserelleError)) throw error;
      writeJson(session, { problems: error.problems });
      process.exitCode = error.exitStatus;
    }
  };
}

/** The whole command line; `signal` reaches every verb. */
export function buildProgram(signal: AbortSignal): Command {
  const program = new Command('passerelle')
    .description('Networks for KVM virtual machines, declared in one file and made real by one command.')
    .version(VERSION)
    .showHelpAfterError('(passerelle --help shows what there is)')
    .exitOverride();

  verb(program, 'init', 'write a passerelle.yaml to begin with', ['passerelle init']).action(
    run(signal, initVerb),
  );
  verb(program, 'validate', 'check the file, touch nothing', [
    'passerelle validate',
    'passerelle validate -f lab.yaml --engine linux',
  ]).action(run(signal, validateVerb));
  verb(program, 'plan', 'show what `up` would do (exit 3: there are changes)', [
    'passerelle plan',
    'passerelle plan --commands',
    'passerelle plan --format json | jq .steps[].id',
  ])
    .option('--commands', 'as the commands a person would type')
    .action(run(signal, planVerb));
  verb(program, 'up', 'make it as the file says', [
    'passerelle up',
    'passerelle up --allow-disruption',
    'passerelle up --host kvm2',
  ])
    .option('--allow-disruption', 'also where a machine is interrupted')
    .action(run(signal, upVerb));
  verb(program, 'down', 'stop and remove what `up` made', [
    'passerelle down',
    'passerelle down --project shop --purge',
  ])
    .option('--project <name>', 'by name, when the file is gone')
    .option('--purge', 'leases, logs and history too')
    .action(run<DownOptions>(signal, downVerb));
  verb(program, 'commit', 'keep a change of the uplink', ['passerelle commit']).action(
    run(signal, commitVerb),
  );
  verb(program, 'status', 'machines, networks, traffic and drops', [
    'passerelle status',
    'watch passerelle status',
  ]).action(run(signal, statusVerb));
  verb(program, 'netdev <machine>', 'the QEMU flags of a machine’s NICs', [
    'qemu-system-x86_64 -m 512 -hda web1.qcow2 $(passerelle netdev web1)',
  ]).action(run(signal, (session, options, name) => netdevVerb(session, options, name ?? '')));
  verb(program, 'leases', 'who has which address', ['passerelle leases']).action(run(signal, leasesVerb));
  verb(program, 'capture <name>', 'what passes a NIC of a machine, or a whole network, as pcapng', [
    'passerelle capture web1 | tshark -r -',
    'passerelle capture web1 --nic back --output back.pcapng',
    'passerelle capture back',
  ])
    .option('--nic <nic>', 'index or network of the NIC', '0')
    .option('-o, --output <file>', 'write there instead of to stdout')
    .action(
      run<CaptureOptions>(signal, (session, options, name) => captureVerb(session, options, name ?? '')),
    );
  verb(program, 'trace <machine>', 'why packets of a machine end, and by which rule', [
    'passerelle trace web1',
    'passerelle trace web1 --all',
    'passerelle trace web1 --format json | jq .rule',
  ])
    .option('--all', 'those that pass too, and which way')
    .action(run<TraceOptions>(signal, (session, options, name) => traceVerb(session, options, name ?? '')));
  verb(program, 'logs [name]', 'what a machine or the fabric wrote', [
    'passerelle logs',
    'passerelle logs web1 --follow',
  ])
    .option('--project <name>', 'by name, when the file is gone')
    .option('--follow', 'go on until Ctrl-C')
    .action(run<LogsOptions>(signal, logsVerb));
  verb(program, 'doctor', 'what this host offers and lacks', ['passerelle doctor']).action(
    run(signal, doctorVerb),
  );
  verb(program, 'export', 'the host’s bridges in the words of its own network configuration', [
    'passerelle export ifupdown > /etc/network/interfaces.d/passerelle',
    'passerelle export netplan',
    'passerelle export systemd-networkd --format json | jq -r .[].path',
    'passerelle export networkmanager',
  ])
    .addArgument(new Argument('<tool>', 'who brings the host’s network up').choices(TOOLS))
    .action(run(signal, (session, options, tool) => exportVerb(session, options, tool as Tool)));
  verb(program, 'schema', 'the JSON Schema of the file', [
    'passerelle schema > passerelle.schema.json',
  ]).action(run(signal, schemaVerb));
  tab(program, { completionCommandName: 'completion' });
  return program;
}
