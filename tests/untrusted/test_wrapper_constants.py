"""A constant that a wrapper computes has the value that CPython gives it, or it is unknown with a reason; never another.

Each expression is one of ours. Its oracle is CPython, which evaluates the same text here.
"""

from __future__ import annotations

import pytest

from tests.untrusted.wrappers import executed_by_cpython, follow

KNOWN = r"""
1 + 2 * 3 - 4 // 3 % 2
7 / 2
2 ** 10
-5 + +3
~6
-2.5
+True
not 0
not 'x'
1 << 20 >> 3
0b1100 & 0b1010 | 1 ^ 7
'ab' + 'cd' + 'ef' + 'gh'
b'ab' + b'cd' + b'ef'
'ab' * 3
3 * b'xy'
[1, 2] * 2
(1, 2) + (3,)
[1] + [2, 3]
{'a': 1} | {'b': 2}
sorted({1, 2} | {2, 3})
'%s-%d' % ('a', 5)
b'%s!' % b'ab'
'%5.2f|%x' % (1.5, 255)
'%(k)s' % {'k': 'v'}
1 < 2 < 3
1 < 2 > 5
1 == 1.0
'a' in 'abc'
'z' not in 'abc'
None is None
1 is not None
[1, 2] == [1, 2]
(1, 2) >= (1, 1)
{'a': [1]} != {'a': [2]}
'x' if 1 else 'y'
0 or '' or 'last'
1 and 'both'
0 and 1
'abc'[1]
'abcdef'[1:4]
'abcdef'[::-1]
b'abc'[0]
b'abcdef'[-3:]
[1, 2, 3][-1]
(1, 2, 3)[1:]
{'k': 'v'}['k']
range(10)[3]
'abc'[slice(0, 2)]
[*(1, 2), *[3]]
(*'ab', 'c')
sorted({*'ab'})
{**{'a': 1}, 'b': 2}
{'a': 1, **{'a': 2}}
(n := 5) + n
(lambda x, y=2, *z, k=3, **w: (x, y, z, k, sorted(w)))(1)
(lambda x, y=2, *z, k=3, **w: (x, y, z, k, sorted(w)))(1, 5, 6, 7, k=8, q=9)
(lambda x, /, y: x + y)(*[1], **{'y': 2})
[x * 2 for x in range(5) if x % 2]
[(x, y) for x in 'ab' for y in range(2) if y]
sorted({x for x in 'hello'})
{k: v for k, v in zip('ab', range(2))}
list(x for x in (1, 2))
[b ^ 7 for b in bytes(range(256)) * 3][:5]
[-b for b in bytes(range(256)) * 3][250]
f'{1 + 1}x{"a"!r:>5}{3.14159:.2f}{[1, 2]}'
f'{"é"!a}{255:#x}{"s"!s:<3}|'
f'{1:{4}d}'
'abc'.upper() + 'ABC'.lower() + 'ab'.title() + 'aB'.swapcase()
'  x '.strip() + ' y'.lstrip() + 'z '.rstrip() + 'xxyxx'.strip('x')
'a,b,c'.split(',')
'a b  c'.split()
'a,b,c'.rsplit(',', 1)
'a\nb'.splitlines()
'a\nb'.splitlines(True)
'-'.join(['a', 'b'])
b''.join([b'a', b'b'])
'-'.join(x for x in 'abc')
'abcabc'.replace('b', 'XY')
'abcabc'.replace('b', '', 1)
'abc'.find('c') + 'abcb'.rfind('b') + 'abc'.index('b') + 'abcb'.rindex('b')
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'prefix_x'.removeprefix('prefix_').removesuffix('x')
'abc'.startswith('a') and 'abc'.endswith('c')
'7'.zfill(3) + 'a'.ljust(3) + 'a'.rjust(3) + 'a'.center(5, '*')
'banana'.count('an')
'abc'.translate({97: 'x', 98: None})
'abc'.translate(str.maketrans('ab', 'xy'))
b'abc'.translate(bytes.maketrans(b'ab', b'xy'))
b'abc'.translate(None, b'b')
'12'.isdigit() and 'ab'.isalpha() and 'a1'.isalnum() and ' '.isspace() and 'a'.islower() and 'A'.isupper()
'a_b'.isidentifier() and 'a'.isascii()
'ß'.casefold() + 'ab'.capitalize()
'é'.encode()
'é'.encode('latin-1')
'é'.encode(encoding='utf-8', errors='strict')
b'\xc3\xa9'.decode()
b'\xe9'.decode('latin-1')
b'a\xff'.decode('ascii', 'ignore')
b'abc'.hex()
bytearray(b'abc').hex()
str.upper('abc')
bytes.decode(b'abc', 'ascii')
bytes.fromhex('6162 63')
bytearray.fromhex('6162')
int.from_bytes(b'\x01\x02', 'big')
int.from_bytes(b'\xff\xfe', byteorder='little', signed=True)
(258).to_bytes(2, 'big')
(5).bit_length() + (7).bit_count() + (3).conjugate()
dict.fromkeys('ab', 0)
'{}-{}'.format('a', 1)
'{0}{1}{0}'.format('x', 2.5)
'{a}{b:>4}'.format(a='q', b=7)
'{{}}'.format()
[3, 1, 2].index(1) + [1, 1].count(1) + (1, 2).index(2) + (1, 1).count(1)
[1, 2].copy() + list((3,))
{'a': 1}.get('a') + {'a': 1}.get('b', 5)
list({'a': 1}.items()) + list({'a': 1}.keys()) + list({'a': 1}.values())
{'a': 1}.copy().pop('a')
{'a': 1}.setdefault('b', 2)
sorted({1, 2}.copy())
len('abc') + len([1]) + len({}) + len(range(4)) + len(bytearray(2))
chr(97) + hex(255) + bin(5) + oct(8)
ord('a') + abs(-3) + round(2.6) + divmod(7, 2)[1]
round(2.567, 2)
pow(2, 5) + pow(3, 4, 5)
list(range(1, 10, 3))
str() + str(5) + str('x') + str(1.5) + str(True)
str(b'ab', 'ascii') + str(b'ab', encoding='utf-8')
int('12') + int(3.9) + int() + int('ff', 16) + int(b'7')
float('1.5') + float(2)
bool([]) or bool(5)
bytes() + bytes(2) + bytes([1, 2]) + bytes('é', 'utf-8') + bytes(b'x') + bytes(x + 1 for x in (1, 2))
bytearray() + bytearray(b'x') + bytearray([65])
repr('a') + repr(b'b') + repr(5) + repr(None) + repr(1.5)
format(255, 'x') + format('a')
list('ab') + list(reversed('ab')) + sorted('ba')
tuple([1, 2]) + tuple('a')
list() + list(tuple()) + sorted(set()) + sorted(frozenset())
sorted(frozenset('ab'))
list(iter([1, 2]))
list(enumerate('ab')) + list(enumerate('c', 5)) + list(enumerate('d', start=9))
sum([1, 2]) + sum((3,), 4) + min(1, 2) + max([1, 5]) + min('ab', key=None) if 0 else 9
min([3, 1]) + max(4, 2)
any([0, 1]) and all([1, 1])
sorted('bca', reverse=True)
sorted(['bb', 'a', 'ccc'], key=len)
sorted([1, 2, 3], key=lambda x: -x, reverse=True)
dict([('a', 1)], b=2)
dict(a=1)
dict()
list(zip('ab', [1, 2]))
list(zip())
list(map(lambda x: x + 1, [1, 2]))
list(map(chr, b'ab'))
list(filter(lambda x: x > 1, [1, 2, 3]))
next(iter('ab'))
bytes(memoryview(b'abc'))
isinstance('a', str) and not isinstance(1, (str, bytes)) and isinstance(True, int)
getattr('abc', 'upper')()
[slice(1, 2)][0] and 'x'
__import__('string').ascii_lowercase + __import__('string').digits
__import__('os').sep + __import__('os').linesep
__import__('os.path').path.join('a', 'b')
__import__('os').path.basename('a/b.py') + __import__('posixpath').dirname('a/b.py')
__import__('os').path.splitext('a.py')[1] + __import__('os').path.normpath('a/../b')
__import__('os').path.split('a/b') + (__import__('os').path.isabs('/a'),)
__import__('zlib').MAX_WBITS
__import__('lzma').FORMAT_RAW + __import__('lzma').PRESET_EXTREME
__import__('functools').reduce(lambda a, b: a + b, [1, 2, 3])
__import__('functools').reduce(lambda a, b: a + b, [1, 2, 3], 10)
__import__('functools').partial(lambda a, b, c: (a, b, c), 1, c=3)(2)
__import__('operator').xor(5, 3) + __import__('operator').add(1, 2) + __import__('operator').sub(5, 2)
__import__('operator').concat('a', 'b') + __import__('operator').mod('%s', 'c') + __import__('operator').mul('d', 2)
list(__import__('itertools').chain('ab', [1]))
list(zip('abc', __import__('itertools').cycle('xy')))
list(zip('abc', __import__('itertools').cycle([])))
__import__('hashlib').sha256(b'abc').hexdigest() + __import__('hashlib').md5().hexdigest()
__import__('hashlib').sha1(b'abc').digest() + __import__('hashlib').sha512(b'a').digest()[:4]
__import__('json').loads('{"a": [1, "x", {"b": null}]}')
__import__('json').loads(b'[1.5, true]')
__import__('json').load(__import__('io').StringIO('[1]'))
__import__('ast').literal_eval(' [1, {"a": (2, b"c")}] ')
__import__('codecs').decode(b'6162', 'hex')
__import__('codecs').decode('nopq', 'rot13')
__import__('codecs').decode(b'\xc3\xa9', 'utf-8')
__import__('codecs').decode(b'abc')
__import__('io').BytesIO(b'abc').getvalue() + __import__('io').BytesIO(b'abc').read(2)
__import__('io').StringIO('a\nb').readlines()
__import__('builtins').chr(65)
__import__('sys').modules['zlib'].MAX_WBITS
eval('1 + 1')
eval(b'"x" * 2')
eval(compile('2 + 3', '', 'eval'))
str(__import__('pathlib').Path('a') / 'b' / __import__('pathlib').PurePath('c'))
str('x' / __import__('pathlib').PurePath('y'))
__import__('pathlib').PurePath('a/b.tar.gz').name + __import__('pathlib').PurePath('a/b.tar.gz').stem
__import__('pathlib').PurePath('a/b.tar.gz').suffix + str(__import__('pathlib').PurePath('a/b/c').parent)
str(__import__('pathlib').PurePath('a/b/c').parents[1]) + str(__import__('pathlib').PurePath('a/b').parents[1])
str(__import__('pathlib').PurePath('a/b.py').with_suffix('.txt')) + str(__import__('pathlib').PurePath('a/b').with_name('c'))
str(__import__('pathlib').PurePath('a/b.py').with_stem('c')) + __import__('pathlib').PurePath('a').joinpath('b', 'c').as_posix()
str(__import__('pathlib').PurePath('.')) + f"{__import__('pathlib').PurePath('a')}" + '%s' % __import__('pathlib').PurePath('b')
'{}'.format(__import__('pathlib').PurePath('c'))
""".strip().splitlines()


@pytest.mark.parametrize("expression", KNOWN)
def test_a_constant_has_the_value_that_cpython_gives(expression: str) -> None:
    program = f"exec('%r' % (({expression}),))"
    found = follow(program)
    assert found.certain == executed_by_cpython(program)
    assert not found.unfollowed


UNKNOWN = {
    "undefined_name": "has no value here",
    "1j": "a complex number",
    "undefined + 'x'": "has no value here",
    "'a' + 1": "an operation Add that fails",
    "1 / 0": "an operation Div that fails",
    "[1] - [2]": "an operation Sub",
    "{1} - {2}": "an operation Sub",
    "2 ** 100000": "a very large power",
    "2 ** -1": "a very large power",
    "2.0 ** 2": "a power of a float",
    "1 << 10 ** 12": "a very large shift",
    "(1 << 200000) * (1 << 200000)": "a very large product",
    "-'a'": "an operation on a value that was not followed",
    "~1.5": "an operation on a value that was not followed",
    "not undefined": "a condition that was not followed",
    "undefined and 1": "a condition that was not followed",
    "'x' if undefined else 'y'": "a conditional value that was not followed",
    "undefined < 1": "a comparison that was not followed",
    "1 < 'a'": "a comparison that was not followed",
    "print is None": "a comparison that was not followed",
    "(lambda: 0) == 1": "a comparison that was not followed",
    "'abc'[9]": "an item that does not exist",
    "{}['a']": "an item that does not exist",
    "5[0]": "an item of a value that was not followed",
    "'abc'[undefined]": "has no value here",
    "'abc'[undefined:]": "has no value here",
    "'abc'['x':]": "a slice that was not followed",
    "undefined[0]": "has no value here",
    "undefined.attribute": "has no value here",
    "{[]: 1}": "an unhashable key",
    "{[]}": "a set of unhashable values",
    "{**undefined}": "a dict merged from something that was not followed",
    "[*undefined][0]": "a starred value",
    "(lambda a: a)()": "the argument a",
    "(lambda a: a)(*undefined)": "starred arguments",
    "(lambda *, k: k)()": "the argument k",
    "[x for x in undefined]": "a comprehension over something that was not followed",
    "[x for x in [1] if undefined]": "a condition in a comprehension that was not followed",
    "{x: 1 for x in undefined}": "a comprehension over something that was not followed",
    "f'{undefined}'": "has no value here",
    "f'{1:>99999}'": "a format specification",
    "f'{1:{undefined}}'": "a format specification",
    "f'{print}'": "formatting a value that was not followed",
    "f'{[1]!r}'": "repr of a container",
    "f'{1 << 9999!r}'": "a very large number",
    "f'{\"a\":d}'": "a format that fails",
    "'%99999d' % 1": "a format with a very large width",
    "'%*d' % (5, 1)": "a format with a very large width",
    "'%s' % undefined": "has no value here",
    "'%s' % [undefined]": "formatting a value that was not followed",
    "'%d' % 'a'": "an operation Mod that fails",
    "'{:>99999}'.format(1)": "a format with a very large width",
    "'{0.real}'.format(1)": "a format string that reaches into its arguments",
    "'{0:{1}}'.format(1, 5)": "a format with a very large width",
    "'{}'.format([1])": "formatting a value that was not followed",
    "'{}'.format(undefined)": "has no value here",
    "'a'.join(undefined)": "has no value here",
    "'a'.join(5)": "join of something that was not followed",
    "'a'.nothing()": "the method nothing",
    "b'a'.encode()": "a call that fails (AttributeError)",
    "'a'.decode()": "a call that fails (AttributeError)",
    "'a'.encode('rot13')": "str.encode('rot13')",
    "b'a'.decode('idna')": "text encoding 'idna' is not undone",
    "b'a'.decode('ascii', 'own_handler')": "error handler 'own_handler' is not undone",
    "b'a'.decode(5)": "a text encoding that is not a string",
    "b'\\xff'.decode()": "text: ",
    "'a'.index('b')": "a call that fails (ValueError)",
    "[1].index(undefined)": "",
    "{}.get(undefined)": "has no value here",
    "(1).real": "",
    "5()": "a call of something that was not followed",
    "undefined()": "has no value here",
    "len(5)": "len",
    "chr(1 << 5000)": "a very large number",
    "pow(2, 3, 1 << 5000)": "pow",
    "pow(2.0, 3)": "pow",
    "int('9' * 5000)": "a very large number",
    "int([])": "int",
    "str([1])": "str",
    "str(1 << 9999)": "a very large number",
    "float([])": "float",
    "bool(undefined)": "has no value here",
    "bool(print)": "bool",
    "bytes(undefined)": "has no value here",
    "bytes([undefined])": "has no value here",
    "bytes(print)": "bytes of something that was not followed",
    "list(print)": "list of something that was not followed",
    "sorted([undefined])": "has no value here",
    "sorted([1], key=undefined)": "sorted by a key that was not followed",
    "sorted()": "sorted",
    "sum(['a'])": "sum",
    "zip(undefined)": "has no value here",
    "list(zip([1], print))": "zip of something that was not followed",
    "list(map(len, print))": "map over something that was not followed",
    "next(print)": "next",
    "next([])": "next",
    "memoryview('a')": "memoryview",
    "isinstance(print, str)": "isinstance",
    "getattr('a', undefined)": "has no value here",
    "getattr('a')": "getattr",
    "super()": "the result of super()",
    "dict.fromkeys(undefined)": "has no value here",
    "int.nothing(5)": "the result of int.nothing()",
    "__import__(undefined)": "has no value here",
    "__import__(5)": "an import by a name that was not followed",
    "__import__('importlib').import_module(5)": "an import by an unknown name",
    "__import__('os').path.join(undefined)": "has no value here",
    "__import__('os').path.join(5)": "os.path.join",
    "__import__('os').path.getsize('x')": "os.path.getsize",
    "__import__('os').environ['HOME']": "the environment variable HOME has no default",
    "__import__('os').environ.get(5)": "an environment variable",
    "__import__('os').getpid()": "the result of os.getpid()",
    "__import__('sys').version[0]": "an item of sys.version",
    "__import__('functools').reduce(len, print)": "reduce over something that was not followed",
    "__import__('itertools').cycle(print)": "cycle",
    "__import__('itertools').chain('a', print)": "chain",
    "__import__('hashlib').sha256(undefined).digest()": "a hash of something that was not followed",
    "__import__('hashlib').sha256(b'').update": "",
    "__import__('json').loads(undefined)": "has no value here",
    "__import__('json').loads(5)": "json",
    "__import__('json').loads('{')": "a call that fails (JSONDecodeError)",
    "__import__('ast').literal_eval('f(1)')": "literal_eval of more than a literal",
    "__import__('ast').literal_eval('1; 2')": "literal_eval of a text that is no expression",
    "__import__('ast').literal_eval(5)": "literal_eval",
    "__import__('codecs').decode(undefined)": "has no value here",
    "__import__('codecs').decode(b'a', 5)": "codecs.decode",
    "__import__('base64').b64decode(5)": "base64.b64decode of something that is not bytes",
    "__import__('base64').b64decode(undefined)": "has no value here",
    "__import__('zlib').decompress(b'nonsense')": "zlib: ",
    "__import__('operator').itemgetter(0)": "the result of operator.itemgetter()",
    "__import__('types').FunctionType(5, {})": "a function made from a code object",
    "__import__('pathlib').Path(5)": "a path that was not followed",
    "__import__('pathlib').Path(undefined)": "has no value here",
    "__import__('pathlib').Path('a').stat()": "the path method stat",
    "__import__('pathlib').Path('a').joinpath(5)": "a path",
    "__import__('pathlib').Path('a').parents[7]": "no such parent folder",
    "__import__('pathlib').Path('a').exists()": "whether a file exists",
    "__import__('os').path.exists('a')": "whether a file exists",
    "__import__('zipfile').ZipFile(5)": "an archive that was not followed",
    "__import__('os').fdopen(3)": "a file descriptor",
    "compile('1', '', 'eval').co_code()": "the method co_code of a code object",
    "open(5)": "a file name that was not followed",
    "open(undefined)": "has no value here",
    "open('absent.txt').read()": "the file records/demo/absent.txt is not beside the script",
    "open('../../../out.txt').read()": "is not in the submission's folder",
    "open('absent.txt').readline()": "is not beside the script",
    "(yield)": "an expression of kind Yield",
}


@pytest.mark.parametrize("expression", UNKNOWN)
def test_what_is_not_known_is_not_executed_and_has_its_reason(expression: str) -> None:
    wrapped = f"exec({expression})" if "yield" not in expression else f"def f():\n    exec({expression})\nf()"
    found = follow(wrapped)
    assert not found.executed
    assert len(found.unfollowed) >= 1
    assert UNKNOWN[expression] in found.reasons[-1]
    assert found.unfollowed[-1].certain
