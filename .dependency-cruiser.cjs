// Imports run downwards only. Each rule names the layer it protects; CONTRIBUTING.md draws the picture.
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: '\\.test\\.ts$' },
  to: {
    path: '^src/',
    pathNot: [from, '^src/(errors|version|places|abort-signals|built-program)\\.ts$', ...allowed],
  },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: ['main\\.ts$', '\\.test\\.ts$', '\\.d\\.ts$'] },
      to: {},
    },
    only('wire-is-pure', '^src/wire/', []),
    only('spec-is-first', '^src/spec/', ['^src/wire/']),
    only('topology-knows-spec-only', '^src/topology/', ['^src/spec/', '^src/wire/']),
    only('plan-knows-resources-only', '^src/plan/', ['^src/topology/', '^src/spec/']),
    only('fabric-stands-on-wire', '^src/fabric/', ['^src/wire/']),
    only('clients-stand-alone', '^src/clients/', ['^src/wire/', '^src/fabric/control/protocol\\.ts$']),
    only('engines', '^src/engines/', [
      '^src/plan/',
      '^src/topology/',
      '^src/spec/',
      '^src/clients/',
      '^src/wire/',
      '^src/fabric/control/protocol\\.ts$',
    ]),
    only('machines', '^src/machines/', [
      '^src/engines/contract\\.ts$',
      '^src/plan/',
      '^src/topology/',
      '^src/spec/',
      '^src/clients/',
    ]),
    only('exports-know-the-contract-only', '^src/exports/', ['^src/engines/contract\\.ts$']),
    {
      name: 'engines-are-known-by-contract',
      comment: 'Only the registry names the engines; everything else sees contract.ts.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/engines/', '\\.test\\.ts$'] },
      to: { path: '^src/engines/', pathNot: ['^src/engines/(contract|registry)\\.ts$'] },
    },
    {
      name: 'engines-are-strangers-to-each-other',
      severity: 'error',
      from: { path: '^src/engines/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^src/engines/[^/]+/',
        pathNot: ['^src/engines/$1/', '^src/engines/(kernel-gateway|open-vswitch)/'],
      },
    },
    {
      name: 'pure-has-no-io',
      comment: 'Parsing, resolving, diffing and encoding touch nothing.',
      severity: 'error',
      from: { path: '^src/(wire|topology|spec/(schema|problems))/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^(node:)?(fs|net|dgram|child_process|http|https|worker_threads)(/|$)',
        dependencyTypes: ['core'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
