import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IF_EQUAL, LOAD, Program, RETURN } from './program.ts';
import { disassemble, run } from './test-support/bpf-interpreter.ts';

test('branch() reaches both targets at any distance', () => {
  for (const between of [0, 100, 252, 253, 254, 255, 256, 257, 600])
    for (const apart of [0, 1, 2, 253, 254, 255, 256])
      for (const kind of ['return', 'other'] as const) {
        const program = new Program();
        const target = (value: number) => {
          const address = program.add(RETURN, value);
          return kind === 'return' ? address : program.add(LOAD, 0);
        };
        const fill = (count: number) => {
          for (let at = 0; at < count; at++) program.add(RETURN, 99);
        };
        const one = target(1);
        fill(apart);
        const two = target(2);
        fill(between);
        for (const [yes, no] of [[one, two] as const, [two, one] as const]) {
          const start = program.length;
          program.branch(IF_EQUAL, 7, yes, no);
          program.add(LOAD, 0);
          const code = disassemble(program.bytes());
          const answer = (number: number) => run(code, { number, architecture: 0 }).answer;
          const label = `${between} ${apart} ${kind} from ${start}`;
          assert.equal(answer(7), yes === one ? 1 : 2, label);
          assert.equal(answer(8), yes === one ? 2 : 1, label);
        }
      }
});

test('detour() leads through another detour', () => {
  const program = new Program();
  program.add(RETURN, 5);
  let address = program.add(LOAD, 0);
  for (let hop = 0; hop < 3; hop++) {
    for (let at = 0; at < 300; at++) program.add(RETURN, 9);
    address = program.detour(address);
  }
  const { answer, steps } = run(disassemble(program.bytes()), { number: 0, architecture: 0 });
  assert.equal(answer, 5);
  assert.equal(steps, 3);
});

test('answer() gives an address that is near', () => {
  const program = new Program();
  const first = program.answer(4);
  assert.equal(program.answer(4), first);
  for (let at = 0; at < 300; at++) program.add(RETURN, 9);
  assert.ok(program.length - program.answer(4) < 3);
});
