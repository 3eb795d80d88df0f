import { posix } from 'node:path';
import { isTest, listFiles, readImports, readSource, reportProblems, resolveImport } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

type Area =
  | 'protocol'
  | 'sdk'
  | 'holder'
  | 'local-server'
  | 'core'
  | 'features'
  | 'surfaces'
  | 'infra'
  | 'entry'
  | 'server'
  | 'server-test'
  | 'apps'
  | 'conformance'
  | 'examples'
  | 'library'
  | 'node'
  | 'other';

/** Where a file stands. `unit` is its noun, feature, surface or app; '' for a file beside those folders. */
interface Place {
  area: Area;
  unit: string;
  path: string;
}

interface Edge {
  from: Place;
  to: Place;
  specifier: string;
  test: boolean;
}

interface Rule {
  name: string;
  says: string;
  applies(edge: Edge): boolean;
  allows(edge: Edge): boolean;
}

const SDK_LIBRARIES = ['eventsource-parser'];
const CORE_LIBRARIES = ['zod', 'kysely', 'uuid', 'canonicalize', 'microdiff'];
const INFRA_MAY_SEE = ['core/ports.ts', 'core/errors.ts', 'core/tables.ts', 'core/together.ts'];
const SERVER = 'packages/server/src/';

const PACKAGE_AREAS = ['protocol', 'sdk', 'holder', 'local-server'] as const;

function isPackageArea(name: string): name is (typeof PACKAGE_AREAS)[number] {
  return (PACKAGE_AREAS as readonly string[]).includes(name);
}

/** The area and unit of a repository path. */
export function placeOf(path: string): Place {
  const server = path.startsWith(SERVER) ? path.slice(SERVER.length).split('/') : null;
  if (server) {
    const [top = '', second = ''] = server;
    const unit = server.length > 2 ? second : '';
    if (top === 'core' || top === 'features' || top === 'surfaces' || top === 'infra')
      return { area: top, unit, path };
    return { area: top === 'app.ts' || top === 'main.ts' ? 'entry' : 'server', unit: top, path };
  }
  const [top = '', second = ''] = path.split('/');
  if (top === 'packages' && second === 'server') return { area: 'server-test', unit: '', path };
  if (top === 'packages' && isPackageArea(second)) return { area: second, unit: '', path };
  if (top === 'apps' || top === 'examples') return { area: top, unit: second, path };
  return { area: top === 'conformance' ? 'conformance' : 'other', unit: '', path };
}

function placeOfImport(root: string, from: string, specifier: string): Place {
  const path = resolveImport(root, from, specifier);
  if (path !== null) return placeOf(path);
  if (specifier.startsWith('node:')) return { area: 'node', unit: '', path: specifier };
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return { area: 'library', unit: name, path: specifier };
}

const outside = (edge: Edge): boolean => edge.to.area === 'library' || edge.to.area === 'node';
const among = (edge: Edge, ...areas: Area[]): boolean => areas.includes(edge.to.area);
const sameUnit = ({ from, to }: Edge): boolean => from.area === to.area && from.unit === to.unit;
const source = (area: Area) => (edge: Edge) => edge.from.area === area && !edge.test;

/** One named rule per row of the table in ARCHITECTURE.md. */
export const RULES: readonly Rule[] = [
  {
    name: 'protocol-imports-zod-only',
    says: 'protocol may import zod only',
    applies: (edge) => edge.from.area === 'protocol',
    allows: (edge) => among(edge, 'protocol') || edge.to.unit === 'zod' || (edge.test && outside(edge)),
  },
  {
    name: 'sdk-imports-protocol-only',
    says: `sdk may import protocol and ${SDK_LIBRARIES.join(', ')} only, and nothing of Node: browsers run it`,
    applies: (edge) => edge.from.area === 'sdk',
    allows: (edge) =>
      among(edge, 'sdk', 'protocol') ||
      SDK_LIBRARIES.includes(edge.to.unit) ||
      (edge.test && (outside(edge) || among(edge, 'local-server'))),
  },
  {
    name: 'holder-imports-protocol-only',
    says: 'holder may import protocol only',
    applies: (edge) => edge.from.area === 'holder',
    allows: (edge) => among(edge, 'holder', 'protocol') || (edge.test && outside(edge)),
  },
  {
    name: 'local-server-imports-node-only',
    says: 'local-server may import Node only, and is for examples and tests',
    applies: (edge) => edge.from.area === 'local-server' || edge.to.area === 'local-server',
    allows: (edge) =>
      edge.from.area === 'local-server'
        ? among(edge, 'local-server', 'node')
        : edge.test || edge.from.area === 'examples',
  },
  {
    name: 'core-imports-protocol-only',
    says: `core may import core, protocol, Node and ${CORE_LIBRARIES.join(', ')}`,
    applies: source('core'),
    allows: (edge) => among(edge, 'core', 'protocol', 'node') || CORE_LIBRARIES.includes(edge.to.unit),
  },
  {
    name: 'noun-through-index',
    says: 'a noun of core is imported through its index.ts',
    applies: (edge) =>
      edge.to.area === 'core' &&
      edge.to.unit !== '' &&
      !edge.test &&
      !sameUnit(edge) &&
      edge.from.area !== 'entry',
    allows: ({ to }) => posix.basename(to.path) === 'index.ts',
  },
  {
    name: 'features-import-core-and-protocol',
    says: 'features may import core, protocol and libraries; what two features share moves to core',
    applies: source('features'),
    allows: (edge) => among(edge, 'core', 'protocol') || outside(edge) || sameUnit(edge),
  },
  {
    name: 'surfaces-import-features-core-protocol',
    says: 'a surface may import features, core, protocol and surfaces/shared; never another surface, never infra',
    applies: source('surfaces'),
    allows: (edge) =>
      among(edge, 'features', 'core', 'protocol') ||
      outside(edge) ||
      sameUnit(edge) ||
      (edge.to.area === 'surfaces' && (edge.to.unit === 'shared' || edge.from.unit === '')) ||
      (edge.to.area === 'holder' && edge.from.unit === 'local-holder'),
  },
  {
    name: 'infra-imports-ports-only',
    says: `infra may import ${INFRA_MAY_SEE.join(', ')} and libraries`,
    applies: source('infra'),
    allows: (edge) =>
      among(edge, 'infra') || outside(edge) || INFRA_MAY_SEE.some((file) => edge.to.path === SERVER + file),
  },
  {
    name: 'nothing-imports-the-entry',
    says: 'nothing imports app.ts or main.ts (main.ts and packages/server/test may import app.ts)',
    applies: (edge) => edge.to.area === 'entry',
    allows: ({ from, to }) =>
      to.path === `${SERVER}app.ts` && (from.area === 'server-test' || from.path === `${SERVER}main.ts`),
  },
  {
    name: 'apps-import-sdk-holder-protocol',
    says: 'apps and examples may import sdk, holder, protocol and libraries',
    applies: (edge) => edge.from.area === 'apps' || edge.from.area === 'examples',
    allows: (edge) =>
      among(edge, 'sdk', 'holder', 'protocol', 'local-server') || outside(edge) || sameUnit(edge),
  },
  {
    name: 'conformance-imports-sdk-protocol',
    says: 'conformance may import sdk, protocol and libraries, and nothing of the server',
    applies: (edge) => edge.from.area === 'conformance',
    allows: (edge) => among(edge, 'conformance', 'sdk', 'protocol') || outside(edge),
  },
  {
    name: 'packages-by-name',
    says: 'another package is imported by its name, not by a relative path',
    applies: (edge) => edge.specifier.startsWith('.') && edge.from.area !== 'other',
    allows: ({ from, to }) => packageOf(from.path) === packageOf(to.path),
  },
];

function packageOf(path: string): string {
  return path.split('/', path.startsWith('conformance/') ? 1 : 2).join('/');
}

function checkEdge(edge: Edge): Problem[] {
  const broken = RULES.filter((rule) => rule.applies(edge) && !rule.allows(edge));
  return broken.map(({ name, says }) => ({
    rule: name,
    file: edge.from.path,
    detail: `imports '${edge.specifier}': ${says}`,
  }));
}

/** Checks every TypeScript import under `root` against RULES, type-only imports included. */
export function checkImports(root: string): Problem[] {
  const problems: Problem[] = [];
  for (const file of listFiles(root, ['ts', 'tsx'])) {
    const from = placeOf(file);
    for (const { specifier } of readImports(readSource(root, file))) {
      const to = placeOfImport(root, file, specifier);
      problems.push(...checkEdge({ from, to, specifier, test: isTest(file) }));
    }
  }
  return problems;
}

if (import.meta.main) reportProblems('imports', checkImports(process.cwd()));
