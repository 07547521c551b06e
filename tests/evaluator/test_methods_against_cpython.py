"""Every method of Python's plain types with ordinary, odd and wrong arguments, and every operator between kinds of values:
what CPython gives or raises, or "not known"."""

from __future__ import annotations

import pytest

from tests.evaluator.differential import cases, differences, known

_TEXTS = ["'aXbXc'", "''", "'▁the'", "' a b\\n'", "'12'", "'é日'"]
_TEXT_CALLS = cases(
    """
capitalize()  casefold()  swapcase()  title()  center(9)  center(9,'*')  ljust(3)  rjust(9,'x')  zfill(7)
partition('X')  rpartition('X')  partition('')  rsplit('X',1)  rsplit(None,1)  rsplit(maxsplit=1)
split()  split('X')  split('X',1)  split(None)  splitlines()  splitlines(True)  splitlines(keepends=True)  find('X')
find('X',2)  find('X',-2)  find('')  rfind('X',0,2)  index('X')  rindex('X')  count('X')  count('')  count('X',1,3)
startswith('a')  startswith(('a',' '))  startswith('a',1)  startswith(['a'])  startswith()  endswith('c')
endswith('c',0,-1)
strip()  strip('a')  lstrip('▁')  rstrip(None)  strip('ca')  lower()  upper()  isdigit()  isalpha()  isalnum()
isspace()  isupper()  islower()  isascii()  isdecimal()  isnumeric()  isidentifier()  isprintable()  istitle()
removeprefix('a')  removesuffix('c')  removeprefix()  replace('X','YY')  replace('','-')  replace('X','',1)
replace('X','Y',-1)  replace('X','Y',count=1)  replace('X')  encode()  encode('utf-8')  encode('latin-1')
encode('ascii','ignore')  encode('utf-16')  encode('utf8',errors='strict')  encode('nope')
encode(errors='replace',encoding='ascii')  expandtabs()  expandtabs(2)  expandtabs(tabsize=2)
join(['a','b'])  join('ab')  join([])  join(1)  join([1])  join({'a':1})  translate({88:'-'})  translate({88:None})
translate({})  format()  format(1)  find()  upper(1)  strip(1)  strip('a','b')  split(1)  split('X','1')  zfill('1')
center(1,'ab')  ljust()  encode(1)  isdigit(1)  splitlines(1)  title(1)  count()  count(1)  index(1)  endswith(1)
partition()  partition(1)  casefold(1)  popleft()  decode()  hex()  foo()  __len__()  maketrans('a','b')
format_map({})  istitle(1)  replace('X','Y','Z')  translate({88:'ab',97:98})  translate('abc')  expandtabs('a')
expandtabs(0)  encode('ascii')
"""
)
_BYTES = ["b'aXbXc'", "b''", "b'\\xff\\n a'", "bytearray(b'aX1')", "b'12'"]
_BYTES_CALLS = cases(
    """
capitalize()  swapcase()  title()  center(9)  center(9,b'*')  ljust(3)  rjust(9,b'x')  zfill(7)  partition(b'X')
rpartition(b'X')  rsplit(b'X',1)  split()  split(b'X')  splitlines()  find(b'X')  find(88)  rfind(b'X')  index(b'X')
count(b'X')  count(88)  startswith(b'a')  startswith('a')  startswith((b'a',b'b'))  endswith(b'c')  strip()
strip(b'a')  lstrip(b'a')  lower()  upper()  isdigit()  isalpha()  isalnum()  isspace()  isupper()  islower()
isascii()  istitle()  removeprefix(b'a')  removesuffix(b'c')  replace(b'X',b'YY')  replace(b'X',b'',1)
replace('X','Y')  decode()  decode('latin-1')  decode('utf-8','replace')  decode(errors='ignore')  decode('ascii')
decode('utf-8','surrogateescape')  decode('utf-8','backslashreplace')  hex()  hex('-')  hex(':',2)  join([b'a',b'b'])
join(['a'])  translate(bytes(range(256)))  translate(None,b'a')  expandtabs()  expandtabs(3)  fromhex('aa')  encode()
isdecimal()  append(3)  extend(b'ab')  pop()  find()  upper(1)  center(9,'x')  join(b'ab')  translate(b'a')  decode(1)
index(b'q')  isidentifier()  copy()  clear()  insert(0,1)  remove(97)  reverse()  count(1000)
"""
)
_INTEGERS = ["5", "-7", "0", "True", "255", "2**70"]
_INTEGER_CALLS = cases(
    """
bit_length()  bit_count()  to_bytes(2,'big')  to_bytes(2,'little',signed=True)  to_bytes(9,'big')  to_bytes()  to_bytes(2)
to_bytes(-1,'big')  to_bytes(2,'mid')  conjugate()  as_integer_ratio()  is_integer()  real  imag  numerator  denominator
item()  tolist()  astype('int8')  bit_length(1)  dtype  shape  __index__()
"""
)
_FLOATS = ["5.0", "-7.25", "0.0", "float('nan')", "float('inf')"]
_FLOAT_CALLS = cases(
    """
is_integer()  hex()  as_integer_ratio()  conjugate()  real  imag  item()  numerator  bit_length()  is_integer(1)  dtype  shape
"""
)
_METHODS = {
    "text": (_TEXTS, _TEXT_CALLS, 0.9),
    "bytes": (_BYTES, _BYTES_CALLS, 0.8),
    "integers": (_INTEGERS, _INTEGER_CALLS, 0.7),
    "floats": (_FLOATS, _FLOAT_CALLS, 0.7),
}


@pytest.mark.parametrize("kind", _METHODS)
def test_a_method_gives_what_cpython_gives(kind: str) -> None:
    values, calls, least = _METHODS[kind]
    expressions = [f"({value}).{call}" for value in values for call in calls]
    assert differences("", expressions) == []
    assert known("", expressions) > least * len(expressions)


_VALUES = [
    "3", "-2", "0", "True", "2.5", "-0.0", "'a'", "b'a'", "[1]", "(1,2)", "{1:2}", "{1,2}", "None", "range(3)", "bytearray(b'x')",
    "float('inf')", "1e300", "frozenset([2])", "''",
]  # fmt: skip
_OPERATORS = [
    "+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "and", "or",
]  # fmt: skip


@pytest.mark.parametrize("operator", _OPERATORS)
def test_an_operator_gives_what_cpython_gives(operator: str) -> None:
    expressions = [f"({a}) {operator} ({b})" for a in _VALUES for b in _VALUES]
    assert differences("", expressions, 400) == []


@pytest.mark.parametrize("operator", ["+", "-", "*", "|", "&", "^", "%", "<<"])
def test_an_operator_that_assigns_changes_what_cpython_changes(operator: str) -> None:
    bodies = [f"x = {a}\ny = x\nx {operator}= {b}\nresult = (x, y)" for a in _VALUES for b in _VALUES]
    assert differences("", bodies, 400) == []


def test_a_sign_gives_what_cpython_gives() -> None:
    assert differences("", [f"{sign}({a})" for sign in ("-", "+", "~", "not ") for a in _VALUES]) == []
