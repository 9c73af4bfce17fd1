import { combinations } from '../../subtask/matrix.ts';
import { filledIn } from '../matrix.ts';
import { Folder, type Snapshot } from './folder.ts';
import { writePlan, type PlanEntries } from './plan-writer.ts';
import { purposeOf, type Found, type Proposal, type Reader } from './proposal.ts';
import { READERS } from './readers.ts';
import { isPlainPath } from './workspaces.ts';

/** The agents that every fleet knows, by the names of their programs. */
export const AGENTS = ['claude', 'codex', 'gemini', 'copilot', 'opencode', 'aider'] as const;
/** The first of `AGENTS` that is installed; null for none. */
export type InstalledAgent = (typeof AGENTS)[number] | null;

/** A first plan for a folder. */
export interface PlanDraft {
  readonly text: string;
  /** The number of subtasks, after their matrices were expanded. */
  readonly subtasks: number;
  /** The files that the subtasks are from; none if nothing was found. */
  readonly sources: readonly string[];
  /** A line for each file that could not be read. */
  readonly notes: readonly string[];
}

/** The most subtasks of a draft, and the most folders below the root that one tool is looked for in. */
const MAX_SUBTASKS = 2_000;
const MAX_PLACES = 12;

/** Matches folders whose projects are not part of the work on this one. */
const ASIDE =
  /(^|\/)(examples?|samples?|fixtures?|testdata|tests?|__tests__|templates?|demos?|benchmarks?|third[-_]party)(\/|$)/i;

/**
 * Returns a first plan: the checks that the tools of the folder have. Without any, a plan without subtasks whose comments
 * say how to fill it. Never throws because of the files.
 * @param base the path of the folder, relative to that of the plan
 */
export function planDraft(snapshot: Snapshot, agent: InstalledAgent, base = ''): PlanDraft {
  const notes = [...snapshot.notes];
  const found = findingsIn(new Folder(snapshot, notes));
  const proposals = bounded(unique(found.flatMap(({ proposals: all }) => all)), notes);
  const sources = found.filter(({ proposals: all }) => all.length > 0).map(({ source }) => source);
  const text = writePlan({
    head: [
      ...(sources.length > 0 ? [`The checks of this folder, from ${sources.join(', ')}.`] : NOTHING),
      ...notes.slice(0, 10),
    ],
    entries: [['goal', `Check ${snapshot.name}`], ...(base === '' ? [] : [['dir', base] as const])],
    subtasks: proposals.map(proposal => entriesOf(proposal, base)),
    tail: [...(sources.length > 0 ? [] : EXAMPLE), ...ENDING, ...agentLines(agent)],
  });
  const subtasks = proposals.reduce((count, each) => count + namesOf(each).length, 0);
  return { text, subtasks, sources, notes };
}

/** Returns what each reader finds, less what an earlier one covers. */
function findingsIn(folder: Folder): readonly Found[] {
  const covered = new Set<string>();
  const ofRunners = new Set<string>();
  return READERS.flatMap(reader =>
    placesOf(reader, folder).flatMap(place => {
      const { source, proposals } = read(reader, folder, place) ?? { source: '', proposals: [] };
      const taken = reader.isRunner ? covered : ofRunners;
      const isNew = ({ name }: Proposal): boolean => place !== '' || !taken.has(purposeOf(name));
      const own = reader.isExtra ? proposals : proposals.filter(isNew);
      if (place === '')
        for (const { name } of own) {
          covered.add(purposeOf(name));
          if (reader.isRunner) ofRunners.add(purposeOf(name));
        }
      return own.length === 0
        ? []
        : [{ source: place === '' ? source : `${place}/${source}`, proposals: own }];
    }),
  );
}

/** Returns the folders in which a reader looks: the root, or where it finds nothing, the projects below it. */
function placesOf(reader: Reader, folder: Folder): readonly string[] {
  if (!reader.isNested || (read(reader, folder, '')?.proposals.length ?? 0) > 0) return [''];
  const places = new Set<string>();
  for (const path of folder.paths) {
    const [, place, name] = /^((?:[^/]+\/){0,1}[^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (place !== undefined && reader.marker.test(name!) && isPlainPath(place) && !ASIDE.test(place))
      places.add(place);
  }
  const sorted = [...places]
    .sort()
    .filter((place, _, all) => !all.some(other => place.startsWith(`${other}/`)));
  if (sorted.length > MAX_PLACES)
    folder.note(`only ${MAX_PLACES} of ${sorted.length} folders with projects are in the plan`);
  return sorted.slice(0, MAX_PLACES);
}

function read(reader: Reader, folder: Folder, place: string): Found | null {
  if (place === '') return reader.read(folder);
  const found = reader.read(folder.at(place));
  const label = place.replaceAll('/', '-');
  return (
    found && {
      source: found.source,
      proposals: found.proposals.map(({ dir, depends, ...proposal }) => ({
        ...proposal,
        name: `${label}-${proposal.name}`,
        dir: dir === undefined ? place : `${place}/${dir}`,
        ...(depends === undefined ? {} : { depends: depends.map(name => `${label}-${name}`) }),
      })),
    }
  );
}

const namesOf = ({ name, matrix = {} }: Proposal): readonly string[] =>
  combinations(new Map(Object.entries(matrix))).map(combination => filledIn(name, combination));

/** Leaves out proposals whose names are taken, and dependencies on what is left out. */
function unique(proposals: readonly Proposal[]): readonly Proposal[] {
  const taken = new Set<string>();
  const own = proposals.filter(proposal => {
    const names = namesOf(proposal);
    const isNew =
      new Set(names).size === names.length && !names.some(name => taken.has(name) || name.length > 250);
    if (isNew) for (const name of names) taken.add(name);
    return isNew;
  });
  return own.map(({ depends = [], ...proposal }) => {
    const known = depends.filter(name => namesOf({ ...proposal, name }).every(each => taken.has(each)));
    return known.length === 0 ? proposal : { ...proposal, depends: known };
  });
}

function bounded(proposals: readonly Proposal[], notes: string[]): readonly Proposal[] {
  let count = 0;
  const kept = proposals.filter(proposal => (count += namesOf(proposal).length) <= MAX_SUBTASKS);
  if (kept.length === proposals.length) return proposals;
  notes.push(`only the first ${MAX_SUBTASKS} subtasks are in the plan`);
  return unique(kept);
}

function entriesOf({ name, run, dir, env, matrix, depends = [] }: Proposal, base: string): PlanEntries {
  return [
    ['name', name],
    ...(matrix === undefined ? [] : [['matrix', matrix] as const]),
    ...(dir === undefined ? [] : [['dir', base === '' ? dir : `${base}/${dir}`] as const]),
    ['run', run],
    ...(env === undefined ? [] : [['env', env] as const]),
    ...(depends.length === 0 ? [] : [['depends', depends] as const]),
  ];
}

const NOTHING: readonly string[] = [
  'Nothing to run was found in this folder. Add subtasks in the place of the brackets.',
];

const EXAMPLE: readonly string[] = [
  '# subtasks:',
  '#   - name: build',
  '#     run: ./build.sh',
  '#   - name: test-${{ matrix.part }}     # one subtask for each value',
  '#     matrix: { part: [unit, system] }',
  '#     run: ./test.sh ${{ matrix.part }}',
  '#     depends: [build]                  # waits until the build has passed',
  '',
];

const ENDING: readonly string[] = [
  '# all, any, k_of_n:2, or an expression such as: failed == 0 && cost_usd < 5.0',
  'join: all',
  '# What becomes of the rest once that is decided: keep, drain or cancel.',
  'losers: drain',
];

function agentLines(agent: InstalledAgent): readonly string[] {
  return [
    `# Who summarises, reviews or mends: executor: agent:${agent ?? AGENTS[0]}, with a prompt, and depends: [test-*].`,
    ...(agent === null ? [`# None of these agents is installed here: ${AGENTS.join(', ')}.`] : []),
  ];
}
