/** Programs that this engine runs, with the Debian packages that have them. */
export interface VdeProgram {
  readonly program: string;
  readonly packageName: string;
}

/** VDE's own. */
export const PROGRAMS: readonly VdeProgram[] = [
  { program: 'vde_switch', packageName: 'vde2 vde-switch' },
  { program: 'vde_plug', packageName: 'vdeplug' },
];

/** What the kernel as gateway is told with. */
export const KERNEL_PROGRAMS: readonly VdeProgram[] = [
  { program: 'ip', packageName: 'iproute2' },
  { program: 'nft', packageName: 'nftables' },
  { program: 'dnsmasq', packageName: 'dnsmasq-base' },
];
