"""Files, paths, settings and command lines: programs that run in a folder of ours, in CPython and in the evaluator, to
which the same files are given as those beside the program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.evaluator.differential import cases, compared, differences, known

FILES = {
    "a.txt": "one\ntwo é\n".encode(),
    "b.bin": b"\x01\x02\xff\xfe",
    "bad.txt": b"\xff\xfe",
    "c.json": b'{"a": [1, 2.5, null], "b": {"c": "d"}}',
    "not.json": b"{1}",
    "sub/d.txt": b"deep",
    "empty": b"",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/bin")
    return tmp_path


_BEFORE = """import argparse
import array
import atexit
import copy
import glob
import io
import json
import os
import pathlib
import pickle
import shutil
import struct
import sys
import tempfile
import types
from pathlib import Path
"""
_READS = cases(
    r"""
open('a.txt', encoding='utf-8').read()  open('a.txt', 'r').read(5)  open('b.bin', 'rb').read()  open('b.bin', 'rb').read(2)
open('a.txt').readlines()  open('b.bin', 'rb').readlines()  list(open('a.txt'))  open('bad.txt').read()  open('none.txt').read()
open('bad.txt', errors='replace').read()  open('a.txt', encoding='latin-1').read()  open('a.txt').readline()
open(Path('a.txt')).read()  open(file='a.txt').read()  open(3.5)  open(None)  open('a.txt', mode='rb').read()
open('a.txt', 'q')  open('empty').read()  open('a.txt').name  json.load(open('c.json'))  json.load(open('not.json'))
json.load(open('c.json', 'rb'))  json.load('c.json')  json.loads(Path('c.json').read_text())['b']['c']
Path('a.txt').read_text()  Path('a.txt').read_text(encoding='utf-8')  Path('a.txt').read_text('latin-1')
Path('b.bin').read_bytes()  Path('b.bin').read_text()  Path('bad.txt').read_text(errors='ignore')  Path('none').read_text()
Path('none').read_bytes()  Path('sub/d.txt').read_text()  (Path('sub') / 'd.txt').read_bytes()  Path('a.txt').exists()
Path('none').exists()  Path('sub').exists()  Path('sub').is_dir()  Path('a.txt').is_dir()  Path('a.txt').is_file()
Path('sub').is_file()  Path('.').is_dir()  os.path.exists('a.txt')  os.path.exists('none')  os.path.isfile('a.txt')
os.path.isdir('sub')  os.path.isdir('a.txt')  os.path.isfile('sub')  os.path.exists('./a.txt')  os.path.exists('')
os.path.getsize('b.bin')  Path('b.bin').stat().st_size  len(Path('b.bin').read_bytes())  os.path.exists(3.5)
sorted(glob.glob('*.txt'))  glob.glob('none*')  sorted(p.name for p in Path('.').glob('*.txt'))  glob.glob('a.txt')
sorted(glob.glob('sub/*'))  glob.glob('?.txt') == ['a.txt']  glob.glob('')  glob.glob('a.t[x]t')  glob.escape('a')
glob.glob(3)  list(Path('sub').glob('*.txt')) == [Path('sub/d.txt')]  sorted(os.listdir('sub'))  list(glob.iglob('b.*'))
Path('a.txt').open().read()  Path('a.txt').open('rb').read(3)  Path('a.txt').resolve().name  Path('a.txt').absolute().name
Path('~/x').expanduser().name  Path('a.txt').with_suffix('').name  Path('.x').with_suffix('.y').name
Path('a').with_suffix('txt')  Path('a.b').with_suffix('.c.d').name  Path('/').with_suffix('.x')
Path('a/b').with_name('')  Path('a/b').with_name('c/d')  Path('/').with_name('x')  Path('a/b').with_name(3)  Path('a').with_suffix(3)
Path('a/b/c').relative_to('a/b').parts  Path('a').relative_to('a').parts  Path('/a/b').relative_to('/').parts
Path('a/b').relative_to('a/').parts  Path('ab').relative_to('a')  Path('a/b').relative_to(Path('a')).name
Path('a').joinpath('/b').parts  Path('a', Path('b')).parts  Path('a', 3)  Path(b'a')  Path('a/./b').parts
Path('a', '..', 'b').parts  Path('/a').parents[0].parts  len(Path('a/b/c').parents)  Path('a/b/c').parents[1].name
len(Path('/a/b').parents)  Path('a.b').stem  Path('a.').suffix  Path('a.').stem  Path('..').name  Path('..').suffix
Path('a').parent.parts  Path('/').parent.parts  Path('/').name  Path('a b.c').suffix  str(Path('a') / '.' / 'b')
'%s' % Path('a')  f'{Path("a")!s}'  repr(Path('a'))  Path('a').drive  Path('a').anchor  Path('a').is_relative_to('b')
Path('a') == Path('./a')  Path('a') == Path('a/')  Path('a') in {Path('a'): 1}  Path('A') == Path('a')  bool(Path(''))
isinstance(Path('a'), Path)  isinstance(Path('a'), str)  type(Path('a')) is Path
os.getpid() == 1000  os.cpu_count() == 8  sys.argv[1:]  len(sys.argv)  sys.maxsize  sys.byteorder  sys.argv == ['train.py']
sys.platform == 'linux'  os.sep  os.linesep
os.path.abspath('/a/../b')
os.path.expanduser('a')  os.path.splitext(Path('a.b'))  os.path.basename(Path('a/b'))  os.path.dirname(3)  os.fspath(3)
os.path.join('a' * 3000, 'b' * 3000)[-3:]  os.path.join()  os.path.relpath('a', 'a')  os.path.islink('a.txt')
sys.exit is None  sys.modules == {}  'os' in sys.modules  sys.executable == 'python'  sys.version == '3.12.0'
os.environ.get('NOPE')  os.environ.get('NOPE', '3')  os.getenv('NOPE', 'x')  os.environ['NOPE']  'NOPE' in os.environ
os.environ.get(key='NOPE')  os.getenv('NOPE', default='q')  os.environ.get(None)  os.environ.get(3, 4)  len(os.environ) == 0
os.environ.setdefault('NEW', '5')  os.environ.pop('NOPE', None)  os.environ.pop('NOPE')  list(os.environ.items()) == []
dict(os.environ) == {}  os.environ.copy() == {}  sorted(os.environ) == []  os.environ.keys() == set()  bool(os.environ)
"""
)


def test_reading_gives_what_cpython_reads(folder: Path) -> None:
    assert differences(_BEFORE, _READS, 50, FILES) == []
    assert known(_BEFORE, _READS, 50, FILES) > 0.4 * len(_READS)


_PROGRAMS = """
with open('a.txt') as f:
    first = f.read(3)
    rest = f.read()
result = (first, rest, f.read() if False else '')


f = open('b.bin', 'rb')
f.seek(2)
result = (f.read(1), f.read(), f.read())


f = open('b.bin', 'rb')
f.read(1)
f.seek(0)
result = f.read(-1)


with open('new.txt', 'w') as f:
    f.write('abc')
    f.write('d')
result = open('new.txt').read()


with open('new.txt', 'wb') as f:
    f.write(b'abc')
with open('new.txt', 'ab') as f:
    f.write(b'd')
result = Path('new.txt').read_bytes()


with open('a.txt', 'a') as f:
    f.write('three')
result = open('a.txt').read()


with open('a.txt', 'w') as f:
    f.writelines(['x', 'y'])
result = open('a.txt').read()


with open('a.txt', 'r+') as f:
    f.write('Z')
result = open('a.txt').read()[0]


Path('new.txt').write_text('hello')
result = (Path('new.txt').exists(), Path('new.txt').read_text())


Path('a.txt').write_bytes(b'q')
result = Path('a.txt').read_bytes()


result = Path('n').write_text('hello')


Path('a.txt').unlink()
result = Path('a.txt').exists()


os.remove('a.txt')
result = os.path.exists('a.txt')


os.replace('a.txt', 'z.txt')
result = (open('z.txt').read(), os.path.exists('a.txt'))


Path('a.txt').rename('y.txt')
result = open('y.txt').read()


shutil.copy('a.txt', 'copy.txt')
result = open('copy.txt').read() + open('a.txt').read()


shutil.move('a.txt', 'moved.txt')
result = open('moved.txt').read()


os.makedirs('x/y', exist_ok=True)
result = os.path.isdir('x/y')


Path('x/y').mkdir(parents=True)
result = Path('x').exists()


with open('o.json', 'w') as f:
    json.dump({'a': 1}, f)
result = json.load(open('o.json'))


with open('p', 'wb') as f:
    pickle.dump([1], f)
result = open('p', 'rb').read(0)


with open('a.txt') as f:
    result = [line.strip() for line in f]


lines = []
for n, line in enumerate(open('a.txt')):
    lines.append((n, line))
result = lines


f = open('a.txt')
f.close()
result = f.read()


os.environ['X'] = '1'
result = (os.environ['X'], os.environ.get('X'), 'X' in os.environ, os.getenv('X', '2'))


os.environ['X'] = '1'
del os.environ['X']
result = (os.environ.get('X', 'gone'), 'X' in os.environ)


os.environ['X'] = '1'
result = (os.environ.pop('X'), os.environ.get('X'))


os.environ.update(X='1', Y='2')
os.environ.update({'Z': '3'})
result = (os.environ['X'], os.environ['Y'], os.environ['Z'])


os.environ.update([('X', '1')])
result = os.environ.get('X')


os.environ.setdefault('X', '1')
os.environ.setdefault('X', '2')
result = os.environ['X']


os.environ.clear()
result = os.environ.get('X', 'none')


os.environ['A'] = '1'
result = os.environ.copy()['A']


name = 'X' + 'Y'
os.environ[name] = '4'
result = int(os.environ['XY'])


p = argparse.ArgumentParser()
p.add_argument('--size', type=int, default=7)
p.add_argument('--rate', type=float, default='0.5')
p.add_argument('-v', '--verbose', action='store_true')
p.add_argument('--no', action='store_false')
p.add_argument('--other-name', default=None)
p.add_argument('--kept', dest='place', default='x')
a = p.parse_args()
result = (a.size, a.rate, a.verbose, a.no, a.other_name, a.place)


p = argparse.ArgumentParser(description='x')
g = p.add_argument_group('g')
g.add_argument('--a', default=3)
p.set_defaults(b=4)
a, rest = p.parse_known_args()
result = (a.a, a.b, rest)


p = argparse.ArgumentParser()
p.add_argument('--a')
a = p.parse_args([])
result = (a.a, vars(a))


p = argparse.ArgumentParser()
p.add_argument('--a', type=int, default=1)
result = p.parse_args(['--a', '5']).a


p = argparse.ArgumentParser()
p.add_argument('--a', nargs='+', default=[1])
result = p.parse_args().a


p = argparse.ArgumentParser()
p.add_argument('--n', action='count', default=0)
p.add_argument('--k', action='append')
p.add_argument('--c', action='store_const', const=5)
a = p.parse_args()
result = (a.n, a.k, a.c)


p = argparse.ArgumentParser()
p.add_argument('--a', default='5', type=lambda s: int(s) + 1)
result = p.parse_args().a


p = argparse.ArgumentParser(argument_default=3)
p.add_argument('--a')
result = p.parse_args().a


def f(a, b=2):
    return (a, b)
result = types.MethodType(f, 3)(4)


sys.argv.append('x')
result = sys.argv[1]


sys.exit
result = 1


try:
    sys.exit(3)
except SystemExit as e:
    result = 'left'
"""
_BODIES = [part.strip("\n") for part in _PROGRAMS.split("\n\n\n")]


@pytest.mark.parametrize("number", range(len(_BODIES)))
def test_a_program_leaves_and_reads_the_files_that_it_does_in_cpython(folder: Path, number: int) -> None:
    (said,) = compared(_BEFORE, [_BODIES[number]], FILES)
    assert said in ("same", "unknown")
