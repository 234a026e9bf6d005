import { ProaError } from '#common/errors.ts';
import { parseRounding } from '#common/json/parse.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { type FilesRequests, type FilesVerb, filesRequest, filesVerbs } from '#common/protocol/files.ts';
import { commandLine } from '#sys/environment.ts';
import { writeAll } from '#sys/files.ts';
import { setDumpable } from '#sys/processes.ts';
import { copyUp } from './copy-up.ts';
import { writeArchive } from './get.ts';
import { putArchive } from './put.ts';
import { readTexts } from './read.ts';
import { openReadOnly, openWritable } from './root.ts';
import { pathStatus } from './stat.ts';
import { subpathOf } from './subpath.ts';
import { tryOverlay } from './try-overlay.ts';
import { mountVolume } from './volume-mount.ts';
import { unmountVolume } from './volume-unmount.ts';

/** What each verb answers; undefined where it has written to standard output itself. */
const verbs: { readonly [Verb in FilesVerb]: (request: FilesRequests[Verb]) => unknown } = {
  read({ root, paths }) {
    using files = openReadOnly(root);
    return readTexts(files, paths);
  },
  stat({ root, path }) {
    using files = openReadOnly(root);
    return pathStatus(files, path);
  },
  get({ root, path }) {
    using files = openReadOnly(root);
    writeArchive(files, path);
  },
  put({ root, ...request }) {
    using files = openWritable(root);
    return putArchive(files, request);
  },
  'copy-up'({ root, path, target }) {
    using files = openReadOnly(root);
    return copyUp(files, path, target);
  },
  subpath({ root, path }) {
    return subpathOf(root, path);
  },
  'mount-volume'(request) {
    return mountVolume(request);
  },
  'unmount-volume'(request) {
    return unmountVolume(request);
  },
  'try-overlay'({ directory }) {
    return tryOverlay(directory);
  },
};

/** Does one thing with the files of a container: the exit status. */
export function filesMain(): number {
  try {
    // Nothing of a container may look into this process, which holds descriptors of the host.
    setDumpable(false);
    const [, verb, request, ...rest] = commandLine();
    if (verb === '-h' || verb === '--help') {
      writeAll(1, help);
      return 0;
    }
    const answer = answerTo(verbOf(verb), request, rest);
    if (answer !== undefined) writeAll(1, `${JSON.stringify(answer)}\n`);
    return 0;
  } catch (error) {
    writeAll(2, `${JSON.stringify(failureMessage(error))}\n`);
    return 1;
  }
}

function answerTo<Verb extends FilesVerb>(verb: Verb, request: string | undefined, rest: string[]): unknown {
  if (request === undefined || rest.length > 0) throw usageError(`${verb}: expected one request`);
  return verbs[verb](filesRequest(verb, parseRounding(request)));
}

function verbOf(word: string | undefined): FilesVerb {
  const verb = filesVerbs.find((known) => known === word);
  if (verb) return verb;
  throw usageError(`expected a verb (${filesVerbs.join(', ')}), got ${word === undefined ? 'none' : `"${word}"`}`);
}

function usageError(message: string): ProaError {
  return new ProaError(message, { kind: 'invalid', remedy: 'See --help' });
}

const help = `Usage: proa-files VERB REQUEST

Works on the files of one container, which runs or not. REQUEST is JSON.

  read     texts of regular files
  stat     what a path is
  get      writes an archive of a path to standard output
  put      extracts an archive, standard input, into a directory
  copy-up  copies a directory into an empty one of the host
  subpath  where a path is in each of the layers

  try-overlay  tells whether there can be an overlay in an empty directory of the host
`;
