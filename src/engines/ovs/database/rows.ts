/**
 * Resources as operations of OVSDB. Pure: a whole plan becomes one list, sent as one transaction. Rows that are to go
 * are named by UUID, from the same reading of the database that the plan's execution begins with.
 */
import type { Row } from '../../../clients/ovsdb/datum.js';
import { map, namedUuid, set, uuid, uuidName, type WrittenRow } from '../../../clients/ovsdb/notation.js';
import {
  byUuid,
  insert,
  mutate,
  type Operation,
  putIntoMap,
  remove,
  update,
} from '../../../clients/ovsdb/operations.js';
import { bridgeColumns, bridgeConfig, controllerRow, portColumns, portConfig, qosConfig } from './columns.js';
import { externalIds, NAMESPACE_KEY, PSK_FILE_KEY, resourceId, UPLINK_KEY } from '../identity.js';
import type { BridgeProperties, PortProperties, TunnelProperties } from '../resources.js';

/** UUIDs of the rows that stand, by name. */
export interface StandingRows {
  readonly bridgeUuid: (device: string) => string | undefined;
  readonly portUuid: (device: string) => string | undefined;
  /** Those of a port's interfaces, by name. */
  readonly memberUuids: (device: string) => ReadonlyMap<string, string>;
  /** The row of a mirror, by the id of its resource. */
  readonly mirrorUuid: (id: string) => string | undefined;
  /** Mirrors of ours. */
  readonly mirrors: Iterable<Row>;
  /** The QoS row of a port. */
  readonly qosUuid: (device: string) => string | undefined;
}

/** Gathers operations; ports of one bridge join and leave it in one mutation each. */
export class RowWork {
  readonly #project: string;
  readonly #standing: StandingRows;
  readonly #operations: Operation[] = [];
  readonly #joining = new Map<string, string[]>();
  readonly #leaving = new Map<string, string[]>();
  readonly #newBridges: string[] = [];
  readonly #oldBridges: string[] = [];

  constructor(project: string, standing: StandingRows) {
    this.#project = project;
    this.#standing = standing;
  }

  get isEmpty(): boolean {
    return this.operations().length === 0;
  }

  /** Every operation so far, in an order in which each finds the rows it names. */
  operations(): Operation[] {
    return [
      ...(this.#oldBridges.length === 0
        ? []
        : [mutate('Open_vSwitch', [], [['bridges', 'delete', set(this.#oldBridges.map(uuid))]])]),
      ...[...this.#leaving].map(([bridge, ports]) =>
        mutate('Bridge', [['name', '==', bridge]], [['ports', 'delete', set(ports.map(uuid))]]),
      ),
      ...this.#operations,
      ...[...this.#joining].map(([bridge, rows]) =>
        mutate('Bridge', [['name', '==', bridge]], [['ports', 'insert', set(rows.map(namedUuid))]]),
      ),
      ...(this.#newBridges.length === 0
        ? []
        : [mutate('Open_vSwitch', [], [['bridges', 'insert', set(this.#newBridges.map(namedUuid))]])]),
    ];
  }

  createBridge(network: string, bridge: BridgeProperties): void {
    const marks = map(externalIds(this.#project, resourceId('bridge', network)));
    const { device } = bridge;
    const interfaceRow = uuidName('interface', device);
    const portRow = uuidName('port', device);
    const bridgeRow = uuidName('bridge', device);
    this.#operations.push(
      insert(
        'Interface',
        { name: device, type: 'internal', mtu_request: bridge.mtuBytes, external_ids: marks },
        { uuidName: interfaceRow },
      ),
      insert(
        'Port',
        { name: device, interfaces: namedUuid(interfaceRow), external_ids: marks },
        { uuidName: portRow },
      ),
      ...this.#controllerRows(bridge),
      insert(
        'Bridge',
        {
          name: device,
          datapath_type: bridge.datapath,
          ports: namedUuid(portRow),
          other_config: map(bridgeConfig(bridge)),
          external_ids: marks,
          ...bridgeColumns(bridge),
        },
        { uuidName: bridgeRow },
      ),
    );
    this.#newBridges.push(bridgeRow);
  }

  updateBridge(bridge: BridgeProperties): void {
    const named = [['name', '==', bridge.device]] as const;
    this.#operations.push(
      ...this.#controllerRows(bridge),
      update('Bridge', named, bridgeColumns(bridge)),
      mutate('Bridge', named, putIntoMap('other_config', map(bridgeConfig(bridge)))),
      update('Interface', named, { mtu_request: bridge.mtuBytes }),
    );
  }

  deleteBridge(device: string): void {
    const standing = this.#standing.bridgeUuid(device);
    if (standing !== undefined) this.#oldBridges.push(standing);
  }

  createPort(id: string, port: PortProperties): void {
    const { namespace } = port;
    const marks = namespace === null ? {} : { [NAMESPACE_KEY]: namespace };
    const type = namespace === null ? {} : { type: 'internal' };
    const columns = { ...portColumns(port), ...this.#newQos(id, port) };
    this.#insertPort(id, port.bridge, port.device, type, columns, marks);
  }

  /** @param psk the key that encrypts it. */
  createTunnel(id: string, tunnel: TunnelProperties, psk?: string): void {
    const { bridge, device, type, remoteAddress, localAddress, key, port, pskFile } = tunnel;
    const options = map({
      remote_ip: remoteAddress,
      local_ip: localAddress,
      key: String(key),
      dst_port: String(port),
      psk,
    });
    // Mesh members never pass on what came by another tunnel: the mesh is full, and that would be a loop.
    const marks = pskFile === undefined ? {} : { [PSK_FILE_KEY]: pskFile };
    this.#insertPort(id, bridge, device, { type, options }, { protected: true }, marks);
  }

  createUplink(id: string, bridge: string, device: string, uplink: string): void {
    this.#insertPort(id, bridge, device, {}, {}, { [UPLINK_KEY]: uplink });
  }

  updatePort(id: string, port: PortProperties): void {
    const named = [['name', '==', port.device]] as const;
    const qosRow = this.#standing.qosUuid(port.device);
    const { other_config: _replaced, ...columns } = portColumns(port);
    this.#operations.push(
      mutate('Port', named, [
        ['other_config', 'delete', set(['qinq-ethtype'])],
        ['other_config', 'insert', map(portConfig(port))],
      ]),
    );
    if (qosRow !== undefined && port.maxRateBps !== undefined) {
      this.#operations.push(
        update('QoS', byUuid(qosRow), { other_config: qosConfig(port.maxRateBps) }),
        update('Port', named, columns),
      );
      return;
    }
    this.#operations.push(update('Port', named, { ...columns, qos: set([]), ...this.#newQos(id, port) }));
    if (qosRow !== undefined) this.#operations.push(remove('QoS', byUuid(qosRow)));
  }

  /** The host's own port takes the MAC of the NIC whose addresses it takes. */
  setBridgeMac(device: string, mac: string): void {
    this.#operations.push(
      mutate('Bridge', [['name', '==', device]], putIntoMap('other_config', map({ hwaddr: mac }))),
    );
  }

  /** Operations that find the rows they name, whatever else the plan does. */
  add(operations: readonly Operation[]): void {
    this.#operations.push(...operations);
  }

  /** Any port: of a NIC, an uplink, a tunnel. */
  deletePort(bridge: string, device: string): void {
    const portRow = this.#standing.portUuid(device);
    if (portRow !== undefined) append(this.#leaving, bridge, portRow);
    const qosRow = this.#standing.qosUuid(device);
    if (qosRow === undefined) return;
    // References are counted before rows that nothing refers to go: the port must let go of it first.
    this.#operations.push(
      update('Port', [['name', '==', device]], { qos: set([]) }),
      remove('QoS', byUuid(qosRow)),
    );
  }

  #insertPort(
    id: string,
    bridge: string,
    device: string,
    interfaceColumns: WrittenRow,
    columns: WrittenRow,
    moreMarks: Readonly<Record<string, string>> = {},
  ): void {
    const marks = map({ ...externalIds(this.#project, id), ...moreMarks });
    const interfaceRow = uuidName('interface', device);
    const portRow = uuidName('port', device);
    this.#operations.push(
      insert(
        'Interface',
        { name: device, external_ids: marks, ...interfaceColumns },
        { uuidName: interfaceRow },
      ),
      insert(
        'Port',
        { name: device, interfaces: namedUuid(interfaceRow), external_ids: marks, ...columns },
        { uuidName: portRow },
      ),
    );
    append(this.#joining, bridge, portRow);
  }

  /** The `qos` column of a port that has a limit, and its new row. */
  #newQos(id: string, port: PortProperties): WrittenRow {
    if (port.maxRateBps === undefined) return {};
    const qosRow = uuidName('qos', port.device);
    this.#operations.push(
      insert(
        'QoS',
        {
          type: 'linux-htb',
          other_config: qosConfig(port.maxRateBps),
          external_ids: map(externalIds(this.#project, id)),
        },
        { uuidName: qosRow },
      ),
    );
    return { qos: namedUuid(qosRow) };
  }

  #controllerRows(bridge: BridgeProperties): Operation[] {
    return bridge.controllers.map((target, index) =>
      insert('Controller', { target }, { uuidName: controllerRow(bridge, index) }),
    );
  }
}

function append(lists: Map<string, string[]>, key: string, item: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
