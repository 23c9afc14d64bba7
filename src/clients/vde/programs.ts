/** Command lines of VDE's own programs, as argument lists. Pure. */

export interface SwitchProcess {
  /** Directory that the switch makes for its sockets: what others plug into. */
  readonly controlDirectory: string;
  readonly managementSocket: string;
  readonly pidFile: string;
  readonly portCount: number;
}

/**
 * A vde_switch of its own. It daemonizes before it opens its sockets, so its exit status tells nothing: ask the
 * management socket. It wants no pid file to stand already, and none of its sockets.
 */
export function switchCommand(process: SwitchProcess): string[] {
  return [
    'vde_switch',
    '--daemon',
    '--sock',
    process.controlDirectory,
    // For the sockets 0600; the directory becomes 2700.
    '--mode',
    '0600',
    '--mgmt',
    process.managementSocket,
    '--mgmtmode',
    '0600',
    '--pidfile',
    process.pidFile,
    '--numports',
    String(process.portCount),
    // Else it would read vde_switch.rc of the person or of the host.
    '--rcfile',
    '/dev/null',
  ];
}

/** Where one end of a cable goes. */
export type CableEnd = { readonly url: string } | { readonly command: readonly string[] };

export interface CableProcess {
  /** `vde:///run/switch[300]`. */
  readonly from: string;
  readonly to: CableEnd;
  /** What the switch shows of it. */
  readonly description: string;
  /** It goes into the background and writes this; absent: it stays in the foreground and says what goes wrong. */
  readonly pidFile?: string;
}

/** A cable between two plugs, or between a plug and the standard input and output of a command. */
export function cableCommand({ from, to, description, pidFile }: CableProcess): string[] {
  return [
    'vde_plug',
    ...(pidFile === undefined ? [] : ['--daemon', '--pidfile', pidFile]),
    '--descr',
    description,
    // vde_plug would take options of the command for its own.
    '--',
    from,
    ...('url' in to ? [to.url] : ['=', ...to.command]),
  ];
}

/** The URL of one port of a switch. Brackets are options to libvdeplug, so none may be in the directory's name. */
export function switchPortUrl(controlDirectory: string, port?: number): string {
  return `vde://${controlDirectory}${port === undefined ? '' : `[${port}]`}`;
}
