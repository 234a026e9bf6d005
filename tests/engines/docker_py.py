# docker-py, which Python programs use, on an engine of ours. For each test a line of JSON: its name, how long it took, and
# what went wrong.
# Arguments: the engine's host, a directory to work in, and a registry's host.
import contextlib
import faulthandler
import hashlib
import io
import json
import socket
import sys
import tarfile
import threading
import time
import traceback

import docker

HOST, WORK, REGISTRY = sys.argv[1:]
IMAGE = 'proa/base'
client = docker.DockerClient(base_url=HOST, timeout=30)
api = client.api
tests = []


def test(name):
    def add(body):
        tests.append((name, body))
        return body

    return add


def equal(found, wanted):
    assert found == wanted, f'expected {wanted!r}, got {found!r}'


@contextlib.contextmanager
def refused(kind, status):
    try:
        yield
    except kind as error:
        equal(error.response.status_code, status)
    else:
        raise AssertionError(f'nothing was refused with {status}')


def run(command, **more):
    return client.containers.run(IMAGE, command, network_mode='none', **more)


@contextlib.contextmanager
def container(command, **more):
    one = run(command, detach=True, **more)
    try:
        yield one
    finally:
        one.remove(force=True, v=True)


def create(command, **more):
    host = api.create_host_config(network_mode='none')
    return api.create_container(IMAGE, command, host_config=host, **more)['Id']


def frames(sock):
    """What a connection brings, by stream."""
    found = {1: [], 2: []}
    while header := exactly(sock, 8):
        found[header[0]].append(exactly(sock, int.from_bytes(header[4:], 'big')))
    return {stream: b''.join(parts) for stream, parts in found.items()}


def exactly(sock, length):
    parts = []
    while length > 0 and (part := sock.read(length)):
        parts.append(part)
        length -= len(part)
    return b''.join(parts)


def send(sock, data):
    """All of the input, and its end."""
    sock._sock.sendall(data)
    sock._sock.shutdown(socket.SHUT_WR)


@test('run() gives the output, removes, and raises what ends with another status')
def _():
    equal(run(['echo', 'hello'], remove=True), b'hello\n')
    both = ['sh', '-c', 'echo out; sleep 0.1; echo err >&2']
    equal(run(both, stdout=True, stderr=True, remove=True), b'out\nerr\n')
    try:
        run(['sh', '-c', 'echo wrong >&2; exit 3'], remove=True)
    except docker.errors.ContainerError as error:
        equal((error.exit_status, error.stderr), (3, b'wrong\n'))
    else:
        raise AssertionError('no ContainerError')
    with refused(docker.errors.APIError, 400):
        run(['no-such-program'], name='never-ran')
    client.containers.get('never-ran').remove()
    equal(client.containers.list(all=True), [])


@test('run(detach=True), wait(), logs() and reload()')
def _():
    one = run(['sh', '-c', 'echo said; exit 4'], detach=True, labels={'of': 'test'})
    equal(one.wait(), {'StatusCode': 4})
    equal(one.logs(), b'said\n')
    one.reload()
    equal((one.status, one.attrs['State']['ExitCode']), ('exited', 4))
    equal([found.id for found in client.containers.list(all=True, filters={'label': 'of=test'})], [one.id])
    equal(client.containers.list(filters={'label': 'of=test'}), [])
    one.remove()
    with refused(docker.errors.NotFound, 404):
        one.reload()


@test('run() takes what it is told of limits, mounts, users and files')
def _():
    script = 'id -u; pwd; echo $WORD; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; ulimit -n'
    out = run(
        ['sh', '-c', script + ' 2>/dev/null; touch /file 2>&1; grep -c /scratch /proc/mounts; hostname'],
        stderr=False,
        remove=True,
        user='1000:1000',
        working_dir='/tmp',
        environment={'WORD': 'said'},
        mem_limit='64m',
        pids_limit=50,
        ulimits=[docker.types.Ulimit(name='nofile', soft=123, hard=456)],
        read_only=True,
        tmpfs={'/scratch': 'size=1m'},
        mounts=[docker.types.Mount('/data', 'named', type='volume')],
        hostname='inside',
        init=True,
        cap_drop=['ALL'],
        security_opt=['no-new-privileges'],
    )
    lines = out.decode().split('\n')
    equal(lines[:3], ['1000', '/tmp', 'said'])
    assert '67108864' in lines[3:5] and '123' in lines, out
    assert any('Read-only file system' in line for line in lines), out
    equal(lines[-3:], ['1', 'inside', ''])
    client.volumes.get('named').remove()


@test('a terminal is one, and has a size')
def _():
    one = create(['sh', '-c', 'test -t 0 && sleep 0.3 && stty size'], tty=True, stdin_open=True)
    sock = api.attach_socket(one, {'stdin': 1, 'stdout': 1, 'stderr': 1, 'stream': 1})
    api.start(one)
    api.resize(one, 33, 99)
    out = exactly(sock, 1 << 20)
    equal(out, b'33 99\r\n')
    equal(api.wait(one), {'StatusCode': 0})
    api.remove_container(one)


@test('attach_socket() takes 24 MB, their end, and gives them back')
def _():
    data = hashlib.sha512(b'proa').digest() * ((24 << 20) // 64)
    one = create(['sh', '-c', 'cat; echo over >&2'], stdin_open=True)
    sock = api.attach_socket(one, {'stdin': 1, 'stdout': 1, 'stderr': 1, 'stream': 1})
    api.start(one)
    writer = threading.Thread(target=send, args=(sock, data))
    writer.start()
    found = frames(sock)
    writer.join()
    equal(hashlib.sha256(found[1]).hexdigest(), hashlib.sha256(data).hexdigest())
    equal(found[2], b'over\n')
    equal(api.wait(one), {'StatusCode': 0})
    api.remove_container(one)


@test('attach() before the start misses nothing, and gives streams apart')
def _():
    one = client.containers.get(create(['sh', '-c', 'echo out; echo err >&2; sleep 0.2; echo more']))
    out = one.attach(stream=True, demux=True)
    one.start()
    pairs = list(out)
    equal(b''.join(pair[0] or b'' for pair in pairs), b'out\nmore\n')
    equal(b''.join(pair[1] or b'' for pair in pairs), b'err\n')
    one.wait()
    one.remove()


@test('exec_run() has output, streams, status, users, and a terminal')
def _():
    with container(['sleep', '1000']) as one:
        equal(tuple(one.exec_run(['echo', 'word'])), (0, b'word\n'))
        both = ['sh', '-c', 'echo out; echo err >&2; exit 5']
        equal(tuple(one.exec_run(both, demux=True)), (5, (b'out\n', b'err\n')))
        told = one.exec_run(['sh', '-c', 'id -u; pwd; echo $A'], user='1000', workdir='/tmp', environment={'A': 'b'})
        equal(told.output, b'1000\n/tmp\nb\n')
        equal(b''.join(one.exec_run(['sh', '-c', 'echo a; sleep 0.1; echo b'], stream=True).output), b'a\nb\n')
        equal(one.exec_run(['test', '-t', '1'], tty=True).exit_code, 0)
        missing = one.exec_run(['no-such-program'])
        assert missing.exit_code == 127 and b'not found' in missing.output, missing
        one.exec_run(['touch', '/tmp/mark'], detach=True)
        while one.exec_run(['test', '-e', '/tmp/mark']).exit_code:
            time.sleep(0.05)
        exec_id = api.exec_create(one.id, ['cat'], stdin=True)['Id']
        sock = api.exec_start(exec_id, socket=True)
        send(sock, b'given')
        equal(frames(sock)[1], b'given')
        equal(api.exec_inspect(exec_id)['ExitCode'], 0)


@test('logs() follow to the end, and take since, until, tail and timestamps')
def _():
    with container(['sh', '-c', 'for n in 1 2 3; do echo line $n; sleep 0.4; done; echo wrong >&2']) as one:
        equal(b''.join(one.logs(stream=True, follow=True)), b'line 1\nline 2\nline 3\nwrong\n')
        equal(one.logs(stderr=False, tail=1), b'')
        equal(one.logs(tail=2), b'line 3\nwrong\n')
        stamp = one.logs(timestamps=True).decode().split('\n')[1].split(' ')[0]
        assert len(stamp) == len('2026-01-01T00:00:00.000000000Z'), stamp
        equal(one.logs(since=int(time.time()) + 10), b'')
        assert one.logs(until=time.time() + 10).startswith(b'line 1\n')


@test('put_archive() and get_archive() carry files, and say what they are')
def _():
    with container(['sleep', '1000']) as one:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode='w') as tar:
            info = tarfile.TarInfo('tree/file')
            info.size, info.mode = 7, 0o640
            tar.addfile(info, io.BytesIO(b'content'))
        equal(one.put_archive('/tmp', archive.getvalue()), True)
        parts, stat = one.get_archive('/tmp/tree')
        equal((stat['name'], stat['linkTarget']), ('tree', ''))
        with tarfile.open(fileobj=io.BytesIO(b''.join(parts))) as tar:
            equal(tar.getnames(), ['tree', 'tree/file'])
            equal((tar.extractfile('tree/file').read(), tar.getmember('tree/file').mode), (b'content', 0o640))
        with refused(docker.errors.NotFound, 404):
            one.get_archive('/no/such')
        assert {'Path': '/tmp/tree/file', 'Kind': 1} in one.diff(), one.diff()
        with tarfile.open(fileobj=io.BytesIO(b''.join(one.export()))) as tar:
            assert 'tmp/tree/file' in tar.getnames()


@test('top(), stats(), pause(), rename(), update(), restart(), stop() and kill()')
def _():
    with container(['sleep', '1000'], name='first') as one:
        top = one.top(ps_args='-o pid,args')
        equal((top['Titles'], [row[1] for row in top['Processes']]), (['PID', 'COMMAND'], ['sleep 1000']))
        once = one.stats(stream=False)
        equal((once['id'], once['name'], once['pids_stats']['current']), (one.id, '/first', 1))
        assert once['cpu_stats']['system_cpu_usage'] > once['precpu_stats']['system_cpu_usage'], once
        samples = one.stats(stream=True, decode=True)
        first, second = next(samples), next(samples)
        equal(second['preread'], first['read'])
        samples.close()
        one.pause()
        one.reload()
        equal(one.status, 'paused')
        with refused(docker.errors.APIError, 409):
            one.exec_run(['true'])
        one.unpause()
        one.rename('second')
        one.update(mem_limit='128m', memswap_limit='128m')
        again = client.containers.get('second')
        equal(again.attrs['HostConfig']['Memory'], 128 << 20)
        one.restart(timeout=0)
        one.reload()
        assert one.attrs['State']['Pid'] != again.attrs['State']['Pid']
        one.kill(signal='KILL')
        equal(one.wait(), {'StatusCode': 137})
        with refused(docker.errors.APIError, 409):
            one.kill()
        one.start()
        one.stop(timeout=0)
        equal(one.wait(condition='not-running')['StatusCode'], 137)


@test('events come as they happen, by filters, and of the past')
def _():
    since = int(time.time()) - 1
    watched = {'container': 'watched', 'event': ['start', 'die']}
    events = client.events(decode=True, filters=watched)
    with container(['true'], name='watched') as one:
        one.wait()
        equal([next(events)['Action'] for _ in range(2)], ['start', 'die'])
    events.close()
    until = int(time.time()) + 1
    past = client.events(since=since, until=until, filters={'container': 'watched', 'event': 'die'}, decode=True)
    equal([event['Actor']['Attributes']['exitCode'] for event in past], ['0'])
    equal(list(client.events(since=since, until=until, filters={'type': 'network'}, decode=True)), [])


@test('images are listed, tagged, saved, removed, loaded, committed and pruned')
def _():
    base = client.images.get(IMAGE)
    equal(base.tag('made', 'one'), True)
    equal([image.id for image in client.images.list(name='made')], [base.id])
    archive = b''.join(client.images.get('made:one').save(named='made:one'))
    client.images.remove('made:one')
    equal([image.tags for image in client.images.load(archive)], [client.images.get('made:one').tags])
    assert 'made:one' in client.images.get('made:one').tags
    assert base.history()[0]['Size'] >= 0
    with container(['sh', '-c', 'echo word >/word']) as one:
        one.wait()
        made = one.commit('made', 'two', message='why', author='who', changes='CMD ["cat", "/word"]')
    equal((made.attrs['Comment'], made.attrs['Author']), ('why', 'who'))
    equal(client.containers.run('made:two', network_mode='none', remove=True), b'word\n')
    for tag in ('one', 'two'):
        client.images.remove(f'made:{tag}', force=True)
    with refused(docker.errors.ImageNotFound, 404):
        client.images.get('made:two')
    equal(client.images.prune()['SpaceReclaimed'], 0)
    with refused(docker.errors.ImageNotFound, 404):
        client.containers.create('no-such-image:none', network_mode='none')


@test('an image goes to a registry, and comes back')
def _():
    name = f'{REGISTRY}/team/base'
    base = client.images.get(IMAGE)
    base.tag(name, '1')
    lines = list(client.images.push(name, tag='1', stream=True, decode=True))
    equal([line for line in lines if 'error' in line], [])
    assert lines[-1]['aux']['Digest'].startswith('sha256:'), lines[-1]
    client.images.remove(f'{name}:1')
    pulled = client.images.pull(name, tag='1')
    equal(pulled.id, base.id)
    base.tag(name, '2')
    client.images.push(name)
    for tag in ('1', '2'):
        client.images.remove(f'{name}:{tag}')
    client.images.pull(name, all_tags=True)
    for tag in ('1', '2'):
        equal(client.images.get(f'{name}:{tag}').id, base.id)
        client.images.remove(f'{name}:{tag}')
    with refused(docker.errors.NotFound, 404):
        client.images.pull(name, tag='none')


@test('volumes are made, listed, used, removed and pruned')
def _():
    kept = client.volumes.create('kept', labels={'of': 'test'})
    data = {'kept': {'bind': '/data', 'mode': 'rw'}}
    with container(['sh', '-c', 'echo word >/data/file'], volumes=data) as one:
        one.wait()
        with refused(docker.errors.APIError, 409):
            kept.remove()
    equal(run(['cat', '/data/file'], volumes={'kept': {'bind': '/data', 'mode': 'ro'}}, remove=True), b'word\n')
    equal([volume.name for volume in client.volumes.list(filters={'label': 'of=test'})], ['kept'])
    kept.remove()
    with refused(docker.errors.NotFound, 404):
        kept.reload()
    equal(client.volumes.prune()['SpaceReclaimed'], 0)


@test('what the engine says of itself is there')
def _():
    equal(client.ping(), True)
    equal(client.version()['ApiVersion'], api._version if api._version >= '1.51' else client.version()['ApiVersion'])
    info = client.info()
    equal((info['Containers'], info['Images'], info['OSType']), (0, 1, 'linux'))


for name, body in tests:
    wrong = None
    begin = time.monotonic()
    # What hangs is to say where.
    faulthandler.dump_traceback_later(30, exit=True)
    try:
        body()
    except BaseException:
        wrong = traceback.format_exc(limit=-6)
    faulthandler.cancel_dump_traceback_later()
    seconds = round(time.monotonic() - begin, 1)
    print(json.dumps({'name': name, 'seconds': seconds, 'wrong': wrong}), flush=True)
