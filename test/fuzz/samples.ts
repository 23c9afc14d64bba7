/** Good input of every parser outside of the wire: what the fuzz damages. */
export const SAMPLES = {
  resolvConf: '# comment\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch a b\noptions edns0\n',
  upstream: '192.0.2.1:5353',
  ipv4Routes:
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\n',
  ipv6Routes:
    'fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n',
  ipv6Addresses: 'fe80000000000000505400fffe000001 02 40 20 80 eth0\n',
  ipRouteJson: '[{"dst":"10.0.0.0/24","dev":"eth0","scope":"link"},{"dst":"default","gateway":"10.0.0.1"}]',
  socketTable:
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n',
  sysctl: 'net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 0\n',
  dnsmasqLeases:
    '1764316800 52:54:00:aa:bb:01 10.0.0.5 web1 01:52:54:00:aa:bb:01\nduid 00:01:00:01\n1764316800 5 fd00::5 web1 00:01\n',
  nftListing:
    '{"nftables":[{"metainfo":{"version":"1.0.6"}},{"table":{"family":"inet","name":"t","handle":1}},{"chain":{"family":"inet","table":"t","name":"c","type":"nat","hook":"prerouting","prio":-100,"policy":"accept"}},{"rule":{"family":"inet","table":"t","chain":"c","comment":"x","expr":[{"accept":null}]}},{"set":{"family":"inet","table":"t","name":"s","type":"ipv4_addr","elem":["10.0.0.1",{"elem":{"val":"10.0.0.2","comment":"m"}}]}},{"map":{"family":"inet","table":"t","name":"m","elem":[["10.0.0.1","10.0.0.2"]]}}]}',
  ipLinks:
    '[{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"operstate":"UP","group":"default","altnames":["a"],"linkinfo":{"info_kind":"vxlan","info_data":{"id":7}},"addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24,"valid_life_time":4294967295}]}]',
  ipRoutes:
    '[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","protocol":"dhcp","metric":100,"flags":[]},{"dst":"10.0.0.0/24","dev":"eth0","scope":"link","prefsrc":"10.0.0.2"}]',
  ipRules:
    '[{"priority":0,"src":"all","table":"local"},{"priority":20500,"src":"all","iif":"br0","table":"1342177281","protocol":"80"}]',
  ipNeighbours: '[{"dst":"2001:db8::5","dev":"eth0","proxy":null,"protocol":"80"}]',
  bridgeFdb:
    '[{"mac":"00:00:00:00:00:00","ifname":"pslx1","dst":"192.0.2.2","port":4790,"vni":9,"flags":["self"],"state":"permanent"}]',
  nftTrace:
    'trace id 1 inet t c packet: iif "a" ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp flags == syn\ntrace id 1 inet t c rule ip saddr 10.0.0.1 drop comment "x 1" (verdict drop)\ntrace id 1 ip f FORWARD policy drop\n',
  networkdLease: 'ADDRESS=198.51.100.7\nNETMASK=255.255.255.0\nROUTER=198.51.100.1 198.51.100.2\n',
  dhclientLeases:
    'lease {\n  interface "eth1";\n  fixed-address 198.51.100.7;\n  option routers 198.51.100.1, 198.51.100.2;\n}\n',
  qmp: '{"timestamp":{"seconds":1,"microseconds":2},"event":"NETDEV_STREAM_CONNECTED","data":{"netdev-id":"n"}}\n{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0}},"capabilities":[]}}\n{"return":{},"id":1}\n{"error":{"class":"GenericError","desc":"x"},"id":2}\n',
  ovsdbRemote: 'tcp:127.0.0.1:6640',
  ovsdbSchema:
    '{"name":"Open_vSwitch","version":"8.3.0","tables":{"Bridge":{"columns":{"name":{"type":"string"},"ports":{"type":{"key":{"type":"uuid","refTable":"Port"},"min":0,"max":"unlimited"}}}}}}',
  ovsdbStream: '{"id":1,"result":[{"rows":[]}],"error":null}{"method":"echo","params":["\\"}"],"id":"echo"}',
  ovsdbRow: '{"name":"br0"}',
  ovsdbDatum: '["set",["a","b"]]',
  ovsdbResults:
    '[{"uuid":["uuid","550e8400-e29b-41d4-a716-446655440000"]},{"rows":[{"a":1}]},{"count":1},null]',
  dnsmasqBlocks: '# dhcp web {"a":1}\na=1\n# dhcp back {"a":2}\na=1\n',
  streamFrames: '\0\x10aaaaaabbbbbb\x08\0xx\0\0\0\x0eaaaaaabbbbbb\x08\0',
  flowDump:
    'NXST_FLOW reply (xid=0x4):\n cookie=0x7, duration=1.1s, table=0, n_packets=0, n_bytes=0, priority=100,in_port=1,dl_src=52:54:00:00:00:01 actions=meter:3,resubmit(,1)\n',
  flowWalk:
    'bridge("b")\n----\n 0. in_port=2, priority 200, cookie 0x7073\n    goto_table:1\n 1. No match.\n    drop\n     -> learned port is input port, dropping\nDatapath actions: drop\n',
  meterDump:
    'OFPST_METER_CONFIG reply (OF1.5) (xid=0x2):\nmeter=1 kbps burst stats bands=\ntype=drop rate=100 burst_size=10\n',
  vdePorts:
    'Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable\n Current User: NONE Access Control: (User: NONE - Group: NONE)\n  -- endpoint ID 0003 module unix prog   : user=root pid=42\n',
  vdeVlans: 'VLAN 0000\n -- Port 0001 tagged=0 active=1 status=Forwarding\n',
  vdeManagement:
    "VDE switch V.2.3.2\n(C) ...\n\nvde$ 0000 DATA END WITH '.'\nPort 0005\n.\n1000 Success\nvde$ 3021 port/+ 05\n1006 No such device or address\nvde$ ",
  plugUrl: 'vxvde://239.1.2.3/port=14789',
  remembered: '{"subnets":{"web":"10.0.0.0/24"},"macs":{"a/0":"52:54:00:00:00:01"},"addresses":{}}',
  controlLines: '{"id":1,"method":"status","params":{}}\n{"id":2,"method":"leases","params":{}}\n',
  applyParams:
    '{"operations":[{"put":"forward","value":{"id":"tcp/0.0.0.0:80","protocol":"tcp","listenAddress":"0.0.0.0","listenPortFirst":80,"listenPortLast":80,"network":"web","targetAddresses":["10.0.0.2"],"targetPortFirst":80,"targetPortFixed":true}},{"delete":"port","id":"a/0"}]}',
  answerLines: '{"id":1,"result":{}}\n{"id":2,"error":{"code":"x/y","message":"z"}}\n',
} as const;
