import { addressOf, utf8 } from './bytes.ts';
import { EAGAIN, ECONNABORTED, ECONNRESET, ENOTCONN } from './errno.ts';
import { check, uninterrupted } from './errors.ts';
import { OwnedFd, owned, pairOf } from './fd.ts';
import { layout } from './layout.ts';
import * as raw from './raw/wait.ts';

const timeval = layout('timeval', { sec: 's64', usec: 's64' });

/** Two connected sockets that keep message boundaries. unix(7), SOCK_SEQPACKET. */
export function socketPair(): [OwnedFd, OwnedFd] {
  const pair = new Uint8Array(8);
  check(raw.socketpair(raw.AF_UNIX, raw.SOCK_SEQPACKET | raw.SOCK_CLOEXEC, pair), 'socketpair');
  return pairOf(pair);
}

/** sockaddr_un for `path`; sun_path holds 108 bytes with the NUL. An abstract name begins with NUL. unix(7). */
function unixAddress(path: string): Uint8Array {
  const name = utf8(path);
  if (name.length > 107) throw new RangeError(`socket path is longer than 107 bytes: ${path}`);
  const address = new Uint8Array(2 + name.length + (path.startsWith('\0') ? 0 : 1));
  address[0] = raw.AF_UNIX;
  address.set(name, 2);
  return address;
}

/**
 * A path to `name` in an open directory that is short whatever the directory's own path is. The descriptor must stay
 * open during the call that uses it.
 */
export function shortPath(directory: OwnedFd, name: string): string {
  return `/proc/self/fd/${directory.number}/${name}`;
}

/** A socket with a name that others can send or connect to. */
export function bindUnix(path: string, type: number): OwnedFd {
  const socket = owned(raw.socket(raw.AF_UNIX, type | raw.SOCK_CLOEXEC), 'socket');
  try {
    check(raw.bind(socket.number, unixAddress(path)), 'bind', path);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

export function listenUnix(path: string, type = raw.SOCK_STREAM): OwnedFd {
  const socket = bindUnix(path, type);
  try {
    check(raw.listen(socket.number, 128), 'listen', path);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

export function connectUnix(path: string, type = raw.SOCK_STREAM): OwnedFd {
  const socket = owned(raw.socket(raw.AF_UNIX, type | raw.SOCK_CLOEXEC), 'socket');
  try {
    check(
      uninterrupted(() => raw.connect(socket.number, unixAddress(path))),
      'connect',
      path,
    );
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** A connection to an IPv4 address, written with dots. ip(7). */
export function connectInternet({ host, port }: { host: string; port: number }): OwnedFd {
  const address = new Uint8Array(16);
  address[0] = raw.AF_INET;
  new DataView(address.buffer).setUint16(2, port);
  address.set(host.split('.').map(Number), 4);
  const socket = owned(raw.socket(raw.AF_INET, raw.SOCK_STREAM | raw.SOCK_CLOEXEC), 'socket');
  try {
    check(
      uninterrupted(() => raw.connect(socket.number, address)),
      'connect',
      `${host}:${port}`,
    );
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** The other side reads an end; what it sends is still received. shutdown(2). */
export function endSending(socket: OwnedFd): void {
  const result = raw.shutdown(socket.number, raw.SHUT_WR);
  if (result !== -ENOTCONN) check(result, 'shutdown');
}

export function acceptConnection(listener: OwnedFd): OwnedFd {
  return owned(
    uninterrupted(() => raw.accept4(listener.number, raw.SOCK_CLOEXEC)),
    'accept4',
  );
}

/** As acceptConnection, of a listener that does not wait; `nonblocking` says whether the connection's user waits. */
export function acceptConnectionIfAny(
  listener: OwnedFd,
  { nonblocking }: { nonblocking: boolean },
): OwnedFd | undefined {
  const flags = raw.SOCK_CLOEXEC | (nonblocking ? raw.SOCK_NONBLOCK : 0);
  const fd = uninterrupted(() => raw.accept4(listener.number, flags));
  // accept(2), "Error handling": whoever connected may have gone again.
  return fd === -EAGAIN || fd === -ECONNABORTED ? undefined : owned(fd, 'accept4');
}

/** Reads from the socket fail with EAGAIN when nothing comes for so long. socket(7), SO_RCVTIMEO. */
export function limitReceiving(socket: OwnedFd, milliseconds: number): void {
  const whole = Math.ceil(milliseconds);
  const time = timeval.pack({ sec: Math.floor(whole / 1000), usec: (whole % 1000) * 1000 });
  check(raw.setsockopt(socket.number, raw.SOL_SOCKET, raw.SO_RCVTIMEO, time), 'setsockopt', 'SO_RCVTIMEO');
}

const CMSG_HEADER = 16;
/** Descriptors in one message; the kernel's own limit is 253. */
const MAXIMUM_FDS = 64;

/** Sends bytes and, beside them, descriptors. unix(7), SCM_RIGHTS. */
export function sendMessage(socket: OwnedFd, data: Uint8Array, fds: readonly number[] = []): void {
  const iov = raw.iovec.pack({ base: addressOf(data), len: data.length });
  const control = new Uint8Array(fds.length === 0 ? 0 : CMSG_HEADER + Math.ceil((fds.length * 4) / 8) * 8);
  const message = raw.msghdr.pack({ iov: addressOf(iov), iovlen: 1 });
  const view = new DataView(message.buffer);
  if (fds.length > 0) {
    control.set(raw.cmsghdr.pack({ len: CMSG_HEADER + fds.length * 4, level: raw.SOL_SOCKET, type: raw.SCM_RIGHTS }));
    fds.forEach((fd, index) => {
      new DataView(control.buffer).setInt32(CMSG_HEADER + index * 4, fd, true);
    });
    view.setBigUint64(raw.msghdr.offsets.control, BigInt(addressOf(control)), true);
    view.setBigUint64(raw.msghdr.offsets.controllen, BigInt(CMSG_HEADER + fds.length * 4), true);
  }
  check(
    uninterrupted(() => raw.sendmsg(socket.number, message, raw.MSG_NOSIGNAL)),
    'sendmsg',
  );
  keep(iov, control, data);
}

export interface Received {
  data: Uint8Array;
  /** Descriptors that came along; the receiver closes them. */
  fds: OwnedFd[];
}

/** The next message of a socket that keeps their boundaries; undefined when the other end is closed, or nothing is there yet. */
export function receiveMessage(socket: OwnedFd): Received | undefined {
  const size = nextSize(socket);
  if (size === 0) return undefined;
  const data = new Uint8Array(size);
  const control = new Uint8Array(CMSG_HEADER + MAXIMUM_FDS * 4);
  const iov = raw.iovec.pack({ base: addressOf(data), len: size });
  const message = raw.msghdr.pack({
    iov: addressOf(iov),
    iovlen: 1,
    control: addressOf(control),
    controllen: control.length,
  });
  const count = check(
    uninterrupted(() => raw.recvmsg(socket.number, message, raw.MSG_CMSG_CLOEXEC)),
    'recvmsg',
  );
  keep(iov, control, data);
  const fds: OwnedFd[] = [];
  const controlLength = raw.msghdr.get(message, 'controllen');
  if (controlLength >= CMSG_HEADER && raw.cmsghdr.get(control, 'type') === raw.SCM_RIGHTS) {
    const view = new DataView(control.buffer);
    for (let at = CMSG_HEADER; at + 4 <= raw.cmsghdr.get(control, 'len'); at += 4)
      fds.push(new OwnedFd(view.getInt32(at, true)));
  }
  return { data: data.subarray(0, count), fds };
}

/** Bytes of the message that comes next; 0 for an end, and where none is there yet. */
function nextSize(socket: OwnedFd): number {
  const message = raw.msghdr.pack({});
  const look = () => uninterrupted(() => raw.recvmsg(socket.number, message, raw.MSG_PEEK | raw.MSG_TRUNC));
  let size = look();
  // The other end closed with our messages unread. That is told once, before what it had still sent.
  if (size === -ECONNRESET) size = look();
  return size === -EAGAIN ? 0 : check(size, 'recvmsg');
}

/** Keeps buffers that only the kernel points to from being freed before the call has ended. */
function keep(..._buffers: Uint8Array[]): void {}
