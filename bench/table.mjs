// The ratios to hold, and their verdicts.
import { readFileSync, writeFileSync } from 'node:fs';
import { median, pairedDifference, pairedRatio } from './statistics.mjs';

const ratios = [
  { what: 'run of /bin/true, default configuration', family: 'run', against: 'floor', limit: 1.7 },
  { what: 'run of /bin/true, default configuration', family: 'run', against: 'crun', limit: 0.6 },
  { what: 'run of /bin/true, default configuration', family: 'run', against: 'runc', limit: 0.25 },
  { what: 'create + start + delete', family: 'lifecycle', against: 'crun', limit: 0.6 },
  { what: 'create + start + delete', family: 'lifecycle', against: 'runc' },
  { what: 'peak memory of run', family: 'run', against: 'crun', limit: 1, peak: true },
  { what: 'exec of /bin/true', family: 'exec', against: 'crun', limit: 0.7 },
  { what: 'exec of /bin/true', family: 'exec', against: 'runc' },
  { what: 'state', family: 'state', against: 'crun' },
  { what: 'state', family: 'state', against: 'runc' },
];
const bytesLimit = 50_000;
const seccompLimit = 1;

/**
 * One row for each claim that was measured: `{ what, against, ours, theirs, value, least, limit, verdict }`, texts. The
 * verdict is by the median of the pairs; `least` compares the minima, which a busy machine disturbs less. What is compared
 * is `measured[family]['FAMILY-proa']` with the like of `against`: times, or with `peak` memory.
 */
export function ratioRows(claims, measured) {
  return claims.flatMap(({ what, family, against, limit, peak }) => {
    const ours = measured[family]?.[`${family}-proa`];
    const theirs = measured[family]?.[`${family}-${against}`];
    if (!ours || !theirs) return [];
    const kind = peak ? 'peaks' : 'times';
    const show = (numbers) => (peak ? `${(median(numbers) / 1024).toFixed(2)} MB` : `${median(numbers).toFixed(1)} ms`);
    const ratio = pairedRatio(ours[kind], theirs[kind]);
    return {
      what,
      against,
      ours: show(ours[kind]),
      theirs: show(theirs[kind]),
      value: `${ratio.toFixed(2)} ×`,
      least: `${(Math.min(...ours[kind]) / Math.min(...theirs[kind])).toFixed(2)} ×`,
      limit: limit === undefined ? '' : `≤ ${limit} ×`,
      verdict: verdict(ratio, limit),
    };
  });
}

/** The rows of the runtime. */
export function rows(measured, bytes) {
  const lines = ratioRows(ratios, measured);
  const both = measured['seccomp'];
  if (both) {
    const more = pairedDifference(both['seccomp-proa'].times, both['run-proa'].times);
    lines.push({
      what: 'run with Docker’s seccomp profile',
      against: 'run without',
      ours: `${median(both['seccomp-proa'].times).toFixed(1)} ms`,
      theirs: `${median(both['run-proa'].times).toFixed(1)} ms`,
      value: `+ ${more.toFixed(2)} ms`,
      least: `+ ${(Math.min(...both['seccomp-proa'].times) - Math.min(...both['run-proa'].times)).toFixed(2)} ms`,
      limit: `≤ ${seccompLimit} ms more`,
      verdict: verdict(more, seccompLimit),
    });
  }
  const known = bytes !== undefined;
  lines.push({
    what: 'bytecode loaded by run',
    against: '',
    ours: known ? `${(bytes / 1000).toFixed(1)} KB` : 'not known',
    theirs: '',
    value: '',
    least: '',
    limit: `≤ ${bytesLimit / 1000} KB`,
    verdict: known ? verdict(bytes, bytesLimit) : '',
  });
  return lines;
}

function verdict(value, limit) {
  if (limit === undefined) return '';
  return value <= limit ? 'hold' : 'miss';
}

const columns = ['what', 'against', 'ours', 'theirs', 'value', 'least', 'limit', 'verdict'];
const head = {
  what: 'what',
  against: 'against',
  ours: 'proa',
  theirs: 'other',
  value: 'ratio',
  least: 'of minima',
  limit: 'to hold',
  verdict: '',
};

export function textTable(lines) {
  const widths = columns.map((name) => Math.max(...[head, ...lines].map((line) => line[name].length)));
  return [head, ...lines]
    .map((line) =>
      columns
        .map((name, index) => line[name].padEnd(widths[index]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Puts the table between the marks `<!-- NAME -->` and `<!-- /NAME -->` of a Markdown file. */
export function replaceTable(path, note, lines, name = 'bench') {
  const row = (words) => `| ${words.join(' | ')} |`;
  const table = [row(columns.map((name) => head[name])), row(columns.map(() => '---'))];
  for (const line of lines) table.push(row(columns.map((name) => line[name])));
  const text = readFileSync(path, 'utf8');
  const filled = text.replace(
    new RegExp(`<!-- ${name} -->[^]*<!-- /${name} -->`),
    () => `<!-- ${name} -->\n${table.join('\n')}\n\n${note}.\n<!-- /${name} -->`,
  );
  writeFileSync(path, filled);
}
