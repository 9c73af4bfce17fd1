import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { DESCRIPTOR_KEYS, parseDescriptor, printDescriptor, type Descriptor } from './descriptor.ts';

function read(text: string): Descriptor {
  const result = parseDescriptor(text);
  assert.ok(result.ok, `refused: ${JSON.stringify(result)}`);
  return result.descriptor;
}

const ACCEPTED: readonly (readonly [string, Descriptor])[] = [
  ['goal=Lint', { goal: 'Lint' }],
  ['goal=Lint the tree', { goal: 'Lint the tree' }],
  ['  goal = Lint , name = l  ', { goal: 'Lint', name: 'l' }],
  ['goal="a, b = \\"c\\" \\\\ d"', { goal: 'a, b = "c" \\ d' }],
  ['goal=a\\b', { goal: 'a\\b' }],
  ['goal=x,run="npm test -- --grep=y"', { goal: 'x', run: 'npm test -- --grep=y' }],
  ['goal=x,target=specific:did:sync:instance:00', { goal: 'x', target: 'specific:did:sync:instance:00' }],
  [
    'goal=x,budget=0.5,timeout=1.5e2,attempts=3',
    { goal: 'x', budget_usd: 0.5, timeout_secs: 150, attempts: 3 },
  ],
  ['goal=x,depends=0', { goal: 'x', depends_on: [0] }],
  ['goal=x,depends=2+0 + 11', { goal: 'x', depends_on: [2, 0, 11] }],
  ['goal=x,dir=../other', { goal: 'x', dir: '../other' }],
  [
    'goal=x,depends=l,matrix=${{ subtasks.l.results.x }}',
    { goal: 'x', depends_on: ['l'], matrix: { x: '${{ subtasks.l.results.x }}' } },
  ],
  [
    '{"goal":"x","matrix":"${{ subtasks.l.results.x }}"}',
    { goal: 'x', matrix: { x: '${{ subtasks.l.results.x }}' } },
  ],
  ['goal=x,executor=echo', { goal: 'x', executor: 'echo' }],
  ['goal=x,budget-tokens=9,budget-secs=0.5', { goal: 'x', budget_tokens: 9, budget_secs: 0.5 }],
  [
    'goal=x,budget_usd=1,timeout_secs=2,depends_on=0',
    { goal: 'x', budget_usd: 1, timeout_secs: 2, depends_on: [0] },
  ],
  ['goal=größer 🎉', { goal: 'größer 🎉' }],
  ['{"goal":"a, b"}', { goal: 'a, b' }],
  [
    ' {"goal":"a","timeout":5,"depends":[0,1],"name":null}',
    { goal: 'a', timeout_secs: 5, depends_on: [0, 1] },
  ],
  ['{"goal":"a","env":{"A":"b, c","D_1":""}}', { goal: 'a', env: { A: 'b, c', D_1: '' } }],
];

const REFUSED: readonly (readonly [text: string, key: string | null, position: number, message: RegExp])[] = [
  ['', null, 1, /is empty/],
  ['   ', null, 1, /is empty/],
  ['Lint', null, 1, /'Lint' is not of the form key=value/],
  ['goal=a,b', null, 8, /'b' is not of the form key=value; a value with a comma/],
  ['goal=a,', null, 7, /missing after the comma/],
  ['=a', null, 1, /a key is missing/],
  ['goal=a=b', 'goal', 7, /unexpected =/],
  ['goal=a"b', 'goal', 7, /unexpected "/],
  ['goal="a', 'goal', 6, /never closed/],
  ['goal="a" b', 'goal', 10, /a comma is missing/],
  ['goal="a\\n"', 'goal', 8, /a backslash stands before/],
  ['goal="a\\', 'goal', 8, /a backslash stands before/],
  ['goal=x,env=A', 'env', 12, /is an object: write the whole subtask as JSON/],
  ['{"goal":"x","env":{"a b":"1"}}', 'env', 13, /a b must be the name of a variable/],
  ['{"goal":"x","env":{"A":1}}', 'env', 13, /A must be text/],
  ['{"goal":"x","env":"A=1"}', 'env', 13, /must be an object of texts/],
  ['goal=a\0b', 'goal', 6, /neither a NUL/],
  ['{"goal":"a\\ud800"}', 'goal', 2, /half of a surrogate pair/],
  ['goal=', 'goal', 6, /must not be empty/],
  ['goal=""', 'goal', 6, /must not be empty/],
  ['name=n', 'goal', 7, /is missing/],
  ['goal=a,goal=b', 'goal', 8, /given twice/],
  ['{"goal":"a","run":"b","run":"c"}', 'run', 23, /given twice/],
  ['{"goal":"a","env":{"A":"1","A":"2"}}', 'A', 28, /given twice/],
  ['goal=a,budget=1,budget_usd=2', 'budget_usd', 17, /given twice/],
  ['goal=a,gaol=b', 'gaol', 8, /unknown key 'gaol' \(did you mean 'goal'\?\); known are goal, name/],
  ['goal=a,constructor=b', 'constructor', 8, /unknown key/],
  ['goal=a,timeout=0', 'timeout', 16, /must be above 0/],
  ['goal=a,timeout=soon', 'timeout', 16, /'soon' is not a number/],
  ['goal=a,timeout=0x10', 'timeout', 16, /not a number/],
  ['goal=a,budget=-1', 'budget', 15, /must not be negative/],
  ['goal=a,attempts=1.5', 'attempts', 17, /must be a whole number/],
  ['goal=a,attempts=0', 'attempts', 17, /must be at least 1/],
  ['goal=a,depends=0+', 'depends', 16, /1 must not be empty/],
  ['goal=a,when=later', 'when', 13, /must be accepted, failed or always/],
  ['{"goal":"a"', null, 12, /does not parse/],
  ['{"goal":"a",}', null, 13, /does not parse/],
  ['{"goal":5}', 'goal', 2, /must be text/],
  ['{"goal":"a","goals":1}', 'goals', 13, /unknown key/],
  ['{"goal":"a","timeout":"5"}', 'timeout', 13, /must be a number/],
];

describe('subtask descriptor', () => {
  for (const [text, descriptor] of ACCEPTED) {
    it(`reads ${text}`, () => assert.deepEqual(read(text), descriptor));
  }

  for (const [text, key, position, message] of REFUSED) {
    it(`refuses ${JSON.stringify(text)} with the key and the position`, () => {
      const result = parseDescriptor(text);
      assert.ok(!result.ok, `accepted: ${JSON.stringify(result)}`);
      assert.equal(result.fault.key, key);
      assert.equal(result.fault.position, position);
      assert.match(result.fault.message, message);
    });
  }

  const value = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter(text => text.trim() !== '' && !text.includes('\0'));
  const descriptors = fc.record(
    {
      goal: value,
      name: value,
      target: value,
      run: value,
      executor: value,
      dir: value,
      budget_usd: fc.double({ min: 0, max: 1e6, noNaN: true }),
      budget_tokens: fc.nat(),
      budget_secs: fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
      timeout_secs: fc.double({ min: 1e-3, max: 3e7, noNaN: true }),
      depends_on: fc.array(fc.nat({ max: 99_999 }), { minLength: 1, maxLength: 5 }),
      attempts: fc.integer({ min: 1, max: 100 }),
      env: fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,5}$/), value, { noNullPrototype: true }),
    },
    { requiredKeys: ['goal'], noNullPrototype: true },
  );

  it('reads what it prints as the same descriptor', () => {
    fc.assert(
      fc.property(descriptors, descriptor => {
        assert.deepEqual(read(printDescriptor(descriptor as Descriptor)), descriptor);
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('reads the JSON form as the same descriptor', () => {
    fc.assert(
      fc.property(descriptors, descriptor => {
        assert.deepEqual(read(JSON.stringify(descriptor)), descriptor);
      }),
      { numRuns: runs(100) },
    );
  });

  it('answers any text with a descriptor, or with a place inside the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'goalrunx=,"\\{}: +01') }), text => {
        const result = parseDescriptor(text);
        if (!result.ok) assert.ok(result.fault.position >= 1 && result.fault.position <= text.length + 1);
      }),
      { numRuns: runs(5_000) },
    );
  });

  it('knows the keys that the contract lists', () => {
    assert.deepEqual(DESCRIPTOR_KEYS, [
      ...['goal', 'name', 'target', 'run', 'executor', 'dir', 'budget', 'budget-tokens', 'budget-secs'],
      ...['timeout', 'depends', 'when', 'attempts', 'backoff', 'isolation', 'env', 'inputs', 'outputs'],
      'matrix',
    ]);
  });
});
