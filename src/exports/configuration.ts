/** The host's own configuration of its bridges, in the words of the tool that brings the host's network up. */
import type { HostBridge } from '../engines/contract.js';
import type { ConfigurationFile } from './configuration-file.js';
import { ifupdown } from './ifupdown.js';
import { netplan } from './netplan.js';
import { networkManager } from './network-manager.js';
import { systemdNetworkd } from './systemd-networkd.js';

type Renderer = (bridge: HostBridge) => readonly ConfigurationFile[];

export const TOOLS = ['ifupdown', 'netplan', 'systemd-networkd', 'networkmanager'] as const;
export type Tool = (typeof TOOLS)[number];

export const RENDERERS: Readonly<Record<Tool, Renderer>> = {
  ifupdown,
  netplan,
  'systemd-networkd': systemdNetworkd,
  networkmanager: networkManager,
};
