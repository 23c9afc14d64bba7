/** What a cable of ours is called on the switch, so that a person sees whose it is: `port/print` shows it. */
export function cableMark(project: string, network: string, cable: string): string {
  // libvdeplug takes 128 bytes.
  return `passerelle ${project} ${network} ${cable}`.slice(0, 120);
}
