import { ProaError } from '#common/errors.ts';
import type { User } from '#common/runtime-spec/types.ts';

export interface AccountFiles {
  /** The container's own /etc/passwd and /etc/group; nothing where it has none. */
  passwd: string | null;
  group: string | null;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
}

interface Group {
  name: string;
  gid: number;
  members: string[];
}

const LARGEST = 0x7fffffff;

/**
 * Who a program runs as: `USER`, `USER:GROUP`, each by name or number, looked up in the container's files; and every group
 * that lists the user there. `added` are further groups. Throws `invalid` for a name that is not there.
 */
export function resolveUser(text: string, files: AccountFiles, added: readonly string[] = []): User {
  const [userText = '', groupText = ''] = text.split(':');
  const accounts = readAccounts(files.passwd);
  const groups = readGroups(files.group);
  const account = findUser(userText || '0', accounts);
  const uid = account?.uid ?? Number(userText);
  const gid = groupText === '' ? (account?.gid ?? 0) : groupId(groupText, groups);
  const own = groupText === '' && account ? groups.filter(({ members }) => members.includes(account.name)) : [];
  const additional = [...own.map((group) => group.gid), ...added.map((name) => groupId(name, groups))];
  return { uid, gid, additionalGids: [...new Set([gid, ...additional])] };
}

/** Undefined for a number that no account has. */
function findUser(text: string, accounts: readonly Account[]): Account | undefined {
  const byName = accounts.find(({ name }) => name === text);
  if (byName) return byName;
  if (isId(text)) return accounts.find(({ uid }) => uid === Number(text));
  throw new ProaError(`unable to find user ${text}: no matching entries in passwd file`, { kind: 'invalid' });
}

function groupId(text: string, groups: readonly Group[]): number {
  const byName = groups.find(({ name }) => name === text);
  if (byName) return byName.gid;
  if (isId(text)) return Number(text);
  throw new ProaError(`unable to find group ${text}: no matching entries in group file`, { kind: 'invalid' });
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= LARGEST;
}

/** passwd(5): name:password:uid:gid:… Lines that are not like that are passed over. */
function readAccounts(text: string | null): Account[] {
  return linesOf(text)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid || Number.NaN), gid: Number(gid || Number.NaN) }))
    .filter(({ uid, gid }) => Number.isInteger(uid) && Number.isInteger(gid));
}

/** group(5): name:password:gid:member,… */
function readGroups(text: string | null): Group[] {
  return linesOf(text)
    .map(([name = '', , gid, members = '']) => ({ name, gid: Number(gid || Number.NaN), members: members.split(',') }))
    .filter(({ gid }) => Number.isInteger(gid));
}

function linesOf(text: string | null): string[][] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}
