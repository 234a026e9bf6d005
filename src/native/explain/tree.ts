import type { ExplainedCall, ExplainedStep } from './recorder.ts';

/** The tree of a start for people: a line for each step and call, with its result and time. */
export function treeText(root: ExplainedStep, errnoName: (errno: number) => string): string {
  const lines: string[] = [`${root.step}  ${milliseconds(root.microseconds)}`];
  addActions(root, '', lines, errnoName);
  return `${lines.join('\n')}\n`;
}

/** The steps alone, each in a line with those that it is part of. */
export function stepLines({ step, microseconds, failed, actions }: ExplainedStep, above = ''): string[] {
  const path = `${above}${step}`;
  const below = actions.flatMap((action) => ('step' in action ? stepLines(action, `${path}: `) : []));
  return [`${path}: ${failed ? 'failed' : 'done'} in ${milliseconds(microseconds)}`, ...below];
}

function addActions(step: ExplainedStep, indent: string, lines: string[], errnoName: (errno: number) => string): void {
  step.actions.forEach((action, index) => {
    const last = index === step.actions.length - 1;
    const branch = `${indent}${last ? '└─ ' : '├─ '}`;
    if ('call' in action) {
      lines.push(`${branch}${callText(action, errnoName)}`);
      return;
    }
    const where = action.process === step.process ? '' : ` [${action.process}]`;
    lines.push(
      `${branch}${action.step}${where}  ${milliseconds(action.microseconds)}${action.failed ? '  FAILED' : ''}`,
    );
    addActions(action, `${indent}${last ? '   ' : '│  '}`, lines, errnoName);
  });
}

function callText(
  { call, arguments: given, result, microseconds }: ExplainedCall,
  errnoName: (errno: number) => string,
): string {
  const outcome = result < 0 && result > -4096 ? errnoName(-result) : String(result);
  return `${call}(${given.join(', ')}) = ${outcome}  ${microseconds} µs`;
}

function milliseconds(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(2)} ms`;
}
