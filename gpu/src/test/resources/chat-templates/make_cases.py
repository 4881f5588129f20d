"""Makes golden.json and differential.json: what Python's jinja2 writes, set up as transformers sets it up.

    apt-get install python3-jinja2 && /usr/bin/python3 make_cases.py

golden.json: six conversations over each *.jinja file beside this script, and single features of models' templates.
differential.json: some hundred small templates over one context, odd cases first. An out of null means: an error.
"""
import copy, datetime, glob, json, os
import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = os.path.dirname(os.path.abspath(__file__))
CLOCK = datetime.datetime(2024, 7, 26, 9, 5, 7)


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    def _text(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = CLOCK.strftime


def render(template, context):
    try:
        return env.from_string(template).render(**context), None
    except Exception as problem:
        raised = type(problem) is jinja2.exceptions.TemplateError
        return None, str(problem) if raised else type(problem).__name__


TOOLS = [{"type": "function", "function": {"name": "get_w", "description": "Weather é <b>", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


def call(name, **arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def turn(role, content, **more):
    return dict(role=role, content=content, **more)


CONVERSATIONS = {
    "simple": dict(messages=[turn("user", "Hi <there> & 'you'")], add_generation_prompt=True),
    "system": dict(messages=[turn("system", " Be brief. "), turn("user", "A"), turn("assistant", "B"),
                             turn("user", "C")], add_generation_prompt=True),
    "think": dict(messages=[turn("user", "A"), turn("assistant", "<think>\nhm\n</think>\n\nB"), turn("user", "C")],
                  add_generation_prompt=True, enable_thinking=False),
    "tools": dict(messages=[turn("system", "S"), turn("user", "W?"),
                            turn("assistant", "", tool_calls=[call("get_w", city="Oslo")]), turn("tool", "5 C")],
                  tools=TOOLS, add_generation_prompt=True),
    "nogen": dict(messages=[turn("user", "A")], add_generation_prompt=False),
    "raise": dict(messages=[turn("user", "A"), turn("assistant", "", tool_calls=[call("a"), call("b")])],
                  add_generation_prompt=False),
    "reasoning": dict(messages=[turn("user", "A"), turn("assistant", "B\n", reasoning_content="\nwhy\n"),
                                turn("tool", "x"), turn("tool", "y 😀")], add_generation_prompt=True),
    "empty": dict(messages=[], add_generation_prompt=True),
    "no content": dict(messages=[dict(role="user")], add_generation_prompt=True),
}
TOKENS = {"llama3_2": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}}

FEATURES = [
    "{% set ns = namespace(found=false, n=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.found = true %}{% set ns.n = ns.n + 1 %}{% endif %}{% endfor %}{{ ns.found }} {{ ns.n }}",
    "{% for m in messages %}{{ loop.index0 }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alt') }}{% endif %}{% endfor %}ok",
    "{{ messages[1:] | length }}{{ messages[::-1][0].role }}{{ messages[-1]['role'] }}",
    "{{ 'abc'.startswith('a') }} {{ '  x '.strip() }}|{{ 'x\n'.rstrip('\n') }}|{{ 'a,b,c'.split(',')[-1] }} {{ 'Abc'.upper() }} {{ 'a-b'.replace('-','_') }}",
    "{{ messages is iterable }} {{ messages[0] is mapping }} {{ 'a' is string }} {{ x is defined }} {{ none is none }} {{ 'a' in 'abc' }} {{ 'role' in messages[0] }}",
    "{{ {'b':1,'a':[true,none,'é<']} | tojson }} {{ {'a':1} | tojson(indent=2) }}",
    "{% macro f(x, y=2) %}[{{ x }}{{ y }}]{% endmacro %}{{ f(1) }}{{ f(1, y=3) }}",
    "{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}",
    "{{ messages[0].get('nope', 'dflt') }} {{ messages[0].role }}",
    "{{ 'a' ~ 1 ~ 'b' }} {{ 'a' + 'b' }} {{ ['x','y'] | join('-') }} {{ ' x ' | trim }}",
    "{{ strftime_now('%d %b %Y') }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | map(attribute='role') | join(',') }}",
    "{% for m in messages %}{% if m.role=='assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}",
    "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
    "A\n  {%- if true %}\n    B\n  {%- endif %}\n    {% if true %}\nC\n    {% endif %}\nD",
    "{{ 'y' if messages else 'n' }} {{ (messages[0].nope or 'z') }} {{ 7 // 2 }} {{ 2 ** 3 }} {{ 1 == 1 and not false }}",
]


def goldens():
    cases = []
    for path in sorted(glob.glob(os.path.join(HERE, "*.jinja"))):
        name = os.path.basename(path)[:-len(".jinja")]
        template = open(path, encoding="utf-8").read()
        for conversation, context in CONVERSATIONS.items():
            context = dict(context, **TOKENS.get(name, {"eos_token": "<|im_end|>"}))
            out, error = render(template, context)
            cases.append(dict(name=name + "/" + conversation, file=os.path.basename(path), context=context, out=out,
                              error=error))
    for i, template in enumerate(FEATURES):
        context = dict(messages=CONVERSATIONS["system"]["messages"])
        out, error = render(template, context)
        cases.append(dict(name="feature/%d" % i, template=template, context=context, out=out, error=error))
    return cases


CONTEXT = dict(
    n=3, neg=-7, big=10 ** 20, f=2.5, tiny=1e-7, t=True, no=False, nil=None, s="Hello, World", sp="  a  b c ",
    u="naïve 😀 ñ ß Ǆ", q="it's \"q\"", html="<b>&'x'</b>", nl="one\ntwo\r\nthree\n\nfive", e="", z=[],
    l=[3, 1, 2], words=["b", "A", "c", "a"], mixed=[1, "1", 1.0, True, None], nested=[[1, [2]], {"k": [True]}],
    d={"b": 2, "a": 1, "C": 3}, ed={}, m={"items": 1, "x y": 2, "role": "r", "get": None},
    messages=[turn("system", "S"), turn("user", "A"), turn("assistant", "B", n=1), turn("user", "C")],
    objs=[{"n": 2, "o": {"v": "x"}}, {"n": 1, "o": {"v": "Y"}}, {"n": 2, "o": {"v": "a"}}, {"o": {}}],
    tree=[{"v": 1, "c": [{"v": 2, "c": [{"v": 3}]}, {"v": 4}]}, {"v": 5}])


def every(pattern, *values):
    return [pattern.replace("$", v) for v in values]


VALUES = ["n", "neg", "big", "f", "tiny", "t", "no", "nil", "s", "sp", "u", "q", "html", "nl", "e", "z", "l", "words",
          "mixed", "nested", "d", "ed", "m", "messages", "missing", "messages[1]", "(1, 'a')", "(1,)", "()", "range(3)",
          "d.items()", "d.keys()", "d.values()", "1e16", "1e15", "123456789012345678.0", "0.1 + 0.2", "1/3", "-0.0",
          "1e-5", "0.0001", "5e-324", "1.7976931348623157e308", "2.0 ** 70", "100.0", "'\\x00\\x7f\\u200b\\xad'", "[missing]",
          "9007199254740993.0", "5.684341886080802e-14", "4.35", "1_000", "namespace(a=1)"]
TESTS = ["defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "float",
         "boolean", "true", "false", "callable", "lower", "upper", "escaped", "in [1, 'a', none, true]", "not none",
         "eq 3", "equalto(3)", "ne 3", "sameas true", "sameas none"]
STRINGS = ["s", "sp", "u", "q", "e", "nl", "'aXbXc'", "'ßa ŉb'", "'ὈΔΥΣΣΕΎΣ'", "'\\u2003x\\x1f'", "'12'", "'١٢'", "'²'"]
METHODS = ["upper()", "lower()", "title()", "capitalize()", "swapcase()", "strip()", "lstrip()", "rstrip()",
           "strip('He d')", "split()", "split(none, 1)", "rsplit(none, 1)", "rsplit()", "split('X')", "split('X', 1)",
           "rsplit('X', 1)", "split(', ')", "splitlines()", "splitlines(true)", "replace('l', 'LL')",
           "replace('', '-')", "replace('', '-', 2)", "replace('l', '', 1)", "find('o')", "find('o', 5)",
           "find('o', -5, -1)", "rfind('o')", "count('l')", "count('')", "startswith('He')",
           "startswith(('x', 'He'))", "startswith('l', 2)", "endswith('ld')", "endswith('', 3, 2)", "isdigit()",
           "isalpha()", "isalnum()", "isspace()", "isupper()", "islower()", "isdecimal()", "isnumeric()", "isascii()",
           "partition(',')", "rpartition('o')", "center(15)", "center(16, '*')", "ljust(15, '.')", "rjust(15)",
           "zfill(14)", "removeprefix('He')", "removesuffix('ld')", "index('z')", "split('')", "join(['a', 'b'])",
           "join([1])", "nope", "nope()"]
SLICES = ["[0]", "[-1]", "[99]", "[1:]", "[:2]", "[-2:]", "[::-1]", "[::2]", "[5:1:-2]", "[1:99]", "[:-1]", "[-99:2]",
          "[none:2]", "[::0]", "['x']", "[1:2:3]", "[3:1]", "[-1::-1]", "[true]", "[1.0]"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "count", "first", "last", "list", "join",
           "join(', ')", "reverse | list", "sort", "unique | list", "string", "int", "float", "abs", "round", "tojson",
           "tojson(indent=2)", "default('D')", "default('D', true)", "d('x')", "min", "max", "sum", "items | list",
           "dictsort", "escape", "e", "safe", "wordcount", "indent", "map('upper') | list", "select | list",
           "reject | list", "batch(2) | list", "slice(2) | list", "center(9)", "replace('a', 'b')", "nope", "reverse"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "~"]
OPERANDS = ["n", "neg", "f", "t", "nil", "'2'", "l", "(1, 2)", "d", "missing", "0", "-2.5"]

EXPRESSIONS = """
2 ** 3 ** 2
-2 ** 2
2 ** -1
(-8) ** 2
-3 | abs
- n | abs
7 % -3
-7 % 3
-7 // 2
7.5 // -2
7.5 % -2
-7.5 % 2
1e308 * 10
2 ** 100
10 ** 20 // 7
1 < 2 < 3
1 < 3 < 2
1 < 2 in [2]
3 > 2 == 2
not 1 == 2
not not n
not n in l
n not in l
n is not none
n is not number and t
n is in [3]
n is divisibleby 3
n is divisibleby(2)
n is odd
neg is even
missing is defined and missing.x
missing is not defined
missing.x
missing.x is defined
missing[0]
missing()
d.nope.x is defined
d.nope is defined
d['nope'] is defined
messages[9] is defined
messages[9].role
missing + 1
missing ~ 'x'
missing == missing
missing == nil
missing | length
missing | list
missing in l
'a' in missing
missing in 'abc'
1 in 'abc'
'' in 'abc'
1 in nil
1.0 in l
'b' in d
[1] in d
1 if t
(1 if no) is defined
1 if no else 2 if no else 3
[1, 2] + [3]
(1, 2) + (3,)
[1] + (2,)
[1, 2] * 2
2 * [0]
'ab' * 3
'ab' * -1
'ab' * n
t + t
t * 'x'
'a' 'b' "c"
'a' + 1
'a' ~ 1 ~ none ~ 1.0 ~ t
'%s is %d and %.2f%%' % ('x', 3, 2.345)
'%5s|%-5s|%05d|%+d|%x' % ('a', 'b', 42, 7, 255)
'%s' % [1, 2]
'%(a)s-%(b)s' % d
'%s %s' % (1,)
'%d' % 'x'
'%s' | format(1)
'%s, %s' | format('a', 2)
'{} and {1}'.format(1, 2)
'{0}-{1}-{x}'.format('a', 2, x=none)
'{}-{}'.format(true, 1.5)
'{{{}}}'.format(1)
[1, 2, 3] == [1, 2, 3]
[1, 2] == (1, 2)
[1, 2] < [1, 3]
(1, 'a') < (1, 'b')
[1, 'a'] < [1, 2]
{'a': 1} == {'a': 1.0}
1 == true
1 == '1'
'a' < 'b'
'Z' < 'a'
'\\uffff' < '😀'
none < 1
{'a': 1, 'a': 2}
{1: 'a', 1.0: 'b', true: 'c'}
{(1, 2): 3}
{[1]: 2}
{'x': {'y': {}}, 'z': [], 'w': ()}
{'a': 1}['a']
{'a': 1}.a
{'a': {'b': 1}}.a.b
m.items
m['items']
m.get('items')
m['x y']
m.x
d.items() | list
d.items() | length
d.keys() | list
d.values() | sum
d.items()[0]
d.get('a')
d.get('q')
d.get('q', 5)
d.get('q', default=5)
d.copy()
d.pop('a')
d.update({})
l.append(1)
l.sort()
l.index(1)
l.index(9)
l.count(3)
l.copy()
messages.0.role
messages[1]['content']
messages[0].nope
messages[0].nope.x
l[0] + l[-1]
l[none]
l['a']
s[0]
s[99]
u | length
u[6]
u[::-1]
u.find('ñ')
u | upper
u | lower
u | title
u.title()
u | list
range(5) | list
range(1, 9, 3) | list
range(5, 0, -2) | list
range(3)[1]
range(10)[2:8:2]
range(0)
range(1, 5)
range('a')
range(1, 2, 0)
dict(a=1, b=2)
dict([('a', 1), ('b', 2)])
dict(d, z=1)
namespace(a=1).a
namespace(a=1).b
namespace(d).a
namespace(a=1)['a']
1 | string + '2'
'3' | int + 1
'3.7' | int
'x' | int
'x' | int(9)
'x' | int(default=8)
'0x1f' | int(base=16)
'ff' | int(0, 16)
' 12 ' | int
'1_000' | int
'1e3' | int
'' | int
nil | int
l | int(5)
3.99 | int
-3.99 | int
'2.50' | float
'x' | float
'x' | float(1.5)
'inf' | float
'nan' | float
'-inf' | float
' 1e3 ' | float
'1_0.5' | float
nil | float
2.5 | round
3.5 | round
-2.5 | round
2.675 | round(2)
2.345 | round(1, 'floor')
2.345 | round(1, 'ceil')
42 | round
42 | round(1, 'floor')
1234 | round(-2)
1250 | round(-2)
2.5 | round | int
1234.5678 | round(2)
(2.5 | round) | string
words | sort
words | sort(case_sensitive=true)
words | sort(reverse=true)
words | sort | join
['b', 1] | sort
[2, 1.5, true] | sort
[[2, 1], [1, 5]] | sort
objs[:3] | sort(attribute='n') | map(attribute='o.v') | join(',')
objs[:3] | sort(attribute='o.v') | map(attribute='o.v') | join(',')
objs[:3] | sort(attribute='n,o.v') | map(attribute='o.v') | join(',')
objs | map(attribute='n') | list
objs | map(attribute='n', default=0) | list
objs | map(attribute='n', default=0) | sum
objs[:3] | sum(attribute='n')
objs[:3] | sum('n', 10)
objs[:3] | min(attribute='n')
objs[:3] | max(attribute='o.v')
[[1, 2], [3, 4]] | map('first') | list
[[1, 2], [3, 4]] | map('last') | list
[[1, 2], [3, 4]] | map(attribute=1) | list
[[1, 2], [3, 4]] | map(attribute='1') | list
['a', 'b'] | map('replace', 'a', 'x') | list
['a ', ' b'] | map('trim') | join
[1, 2] | map('string') | join('+')
[1, 2] | map('nope') | list
[1] | map | list
l | select('odd') | list
l | select('gt', 1) | list
l | select('>', 1) | list
l | select('in', [1, 2]) | list
l | reject('odd') | list
l | reject('equalto', 1) | list
l | select('nope') | list
[0, 1, '', 'a', none] | select | list
mixed | select('number') | list
mixed | select('string') | list
mixed | reject('none') | list
messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join('|')
messages | selectattr('role', 'in', ['system', 'assistant']) | list | length
messages | rejectattr('role', '==', 'user') | map(attribute='role') | list
messages | selectattr('n', 'defined') | list
messages | selectattr('n') | list | length
messages | rejectattr('n') | list | length
messages | selectattr('n', 'undefined') | list | length
messages | selectattr('role', 'ne', 'user') | first
messages | selectattr('role', 'ne', 'user') | last
(messages | selectattr('role', 'equalto', 'user') | list)[-1].content
messages | map(attribute='role') | unique | list
messages | groupby('role') | length
messages | groupby('role') | map('first') | list
mixed | unique | list
words | unique(case_sensitive=true) | list
words | min
words | max
[] | min
[] | first
[] | first is defined
[] | max | default('none')
[] | sum
['a'] | sum
[[1], [2]] | sum(start=[])
[1, 2] | join('-') | upper
[1, none, 'a', 1.5, true] | join('|')
objs[:3] | join(',', attribute='n')
d | join(',')
d | list
d | length
d | first
d | dictsort
d | dictsort(true)
d | dictsort(by='value')
d | dictsort(reverse=true)
d | dictsort(false, 'value', true)
d | items | list
d | tojson
d | tojson(sort_keys=true)
nested | tojson
nested | tojson(indent=4)
nested | tojson(indent=0)
nested | tojson(separators=(',', ':'))
nested | tojson(indent='--')
u | tojson
u | tojson(ensure_ascii=true)
'\\x00\\x1f\\x7f\\u2028"\\\\/' | tojson
'\\x00\\x1f\\x7f\\u2028"\\\\/' | tojson(ensure_ascii=True)
[] | tojson(indent=2)
{} | tojson(indent=2)
{'a': []} | tojson(indent=2)
(1, 2) | tojson
{1: 2, none: 3, true: 4, 1.5: 6} | tojson
{(1, 2): 3} | tojson
[1.0, 1e20, 0.1, -0.0, 1e-10] | tojson
'inf' | float | tojson
missing | tojson
d.items() | tojson
range(2) | tojson
d.keys() | list | tojson
big | tojson
big * big
nl | indent
nl | indent(2)
nl | indent(2, true)
nl | indent(2, first=true, blank=true)
nl | indent('> ')
'' | indent(2, true)
'a\\n' | indent(2)
s | replace('l', 'L')
s | replace('l', 'L', 1)
s | replace('', '.')
123 | replace(2, 9)
s | truncate(5)
s | truncate(5, true)
s | truncate(9, false, '!', 0)
s | truncate(5, leeway=0)
s | center(20)
s | wordcount
'foo-bar (baz) qux' | title
"it's o'neil" | title
"it's o'neil".title()
'foo' | first
'foo' | last
'foo' | reverse
'foo' | sort
'foo' | unique | join
'foo' | map('upper') | join
'foo' | batch(2) | list
l | batch(2, 0) | list
range(7) | slice(3) | list
range(7) | slice(3, 'x') | list
html | escape
html | e | e
html | safe
html | safe | e
html | forceescape
html | e | forceescape
(html | safe) + '<i>'
('<i>' | e) ~ '<b>'
'<' + ('<' | safe)
[html | safe]
html | safe | upper
html | e | length
('<' | safe).replace('<', '>')
'a' | attr('upper')
d | attr('a') is defined
s | trim('Hd')
'xxaxx' | trim('x')
1 | default(2)
none | default(2)
none | default(2, true)
'' | default('x', boolean=true)
missing | default
missing.x | default('y')
d.q | default('y')
true | string
none | string
1.0 | string
[1] | string | length
1.5 is float
1 is float
true is integer
true is number
none is none
'a' is lower
'A' is upper
'Aa' is lower
'a' is in 'abc'
'a' is in(['a'])
1 is sameas 1
'upper' is filter
'nope' is filter
'odd' is test
1 is eq 1
1 is lt 2
2 is ge 2
2 is greaterthan 1
1 is string or 2 is number
1 is nope
1 is number is string
upper is defined
range is callable
s.upper is callable
true and 'x'
0 or none
'' or 'y' and 'z'
1 and 0 or 2
(1, 2)
1, 2
(1)
()
[1, 2,]
(1,)
{'a': 1,}
1.5e3
1e3
1_000.5
1E5
0
00
07
'\\t\\\\\\'\\x41\\u00e9\\101\\q'
"a\\"b"
'a
b'
true True TRUE
true
True
none
None
NONE
false == False
loop is defined
strftime_now('%Y-%m-%d %H:%M:%S %A %a %B %j %y %I %p %%')
strftime_now('%-d %-m %e %-H')
strftime_now('%d %b %Y')
raise_exception('no é')
raise_exception(1)
joiner is string
'x'.join(['a', 'b'])
','.join(d)
''.join(words | map('upper'))
'a,b'.split(',') | map('trim') | list
'a,b,,c'.split(',')
' a  b '.split(' ')
'k: v'.split(': ', 1)[1]
'a\\nb'.split('\\n')
'</think>x'.split('</think>')[-1].lstrip('\\n')
s.split(sep=',', maxsplit=1)
s.upper().lower().title()
'é' | upper
'ŉ' | upper
'ﬁ' | capitalize
'ﬁ'.title()
'Σ'.lower() ~ 'ΑΣ'.lower()
'İ'.lower() | length
'a' < 1
l < nil
d < d
1 + nil
-nil
-'a'
+t
-t
1 / 0
1 // 0
1 % 0
1.0 / 0
0 ** -1
0.0 ** -1
0 ** 0
4 ** 0.5
2 ** 0.5
1 / 3
2 / 1
10 / 4
1e300 ** 2
10 ** 400 / 3
(10 ** 30) / (10 ** 29)
3 * 1.1
100 * 1.1
1.1 + 2.2
1e22
1e21 + 1
123456.789e3
l | nope
l | sort(nope=1)
s.split(1)
s.startswith(1)
f(1)
nil()
nil.x
nil.x.y
nil['x']
n.x
nil[1:]
d[1:]
n[0]
s[1:4].upper()
l[::-1] | first
l | length > 2
l | length == 3 and s | length > 3
(l | first) + 1
l | first + 1
'a' if l else 'b'
'a' if z else 'b'
'a' if ed else 'b'
'a' if 0.0 else 'b'
'a' if ' ' else 'b'
'a' if (0,) else 'b'
'a' if range(0) else 'b'
'a' if d.items() else 'b'
'a' if ed.items() else 'b'
d.keys() | sort
range(3) == range(3)
nested[0][1][0]
nested[1].k[0]
nested[1]['k'] == [1]
""".strip("\n").split("\n")
# Two lines above are one string over a line end.
EXPRESSIONS = "\n".join(EXPRESSIONS).replace("'a\nb'", "'a\x00b'").split("\n")
EXPRESSIONS = [e.replace("\x00", "\n") for e in EXPRESSIONS]

STATEMENTS = [
    "{% if n == 3 %}a{% elif n == 4 %}b{% else %}c{% endif %}", "{% if z %}a{% elif l %}b{% endif %}",
    "{% for x in l %}{{ x }}{% else %}none{% endfor %}", "{% for x in z %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}nothing{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem | default('-') }}{{ loop.previtem }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
    "{% for m in messages %}{{ loop.changed(m.role) }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %}", "{% for k, v in d | items %}{{ k }}{{ v }}{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}", "{% for k, v in l %}{{ k }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", 
    "{% for c in 'añ😀' %}[{{ c }}]{% endfor %}", "{% for x in missing %}x{% else %}e{% endfor %}",
    "{% for x in nil %}x{% endfor %}", "{% for x in n %}x{% endfor %}", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for x in tree recursive %}{{ x.v }}{% if x.c %}({{ loop(x.c) }}){% endif %}{{ loop.depth }}{% endfor %}",
    "{% for x in l %}{{ loop(l) }}{% endfor %}", "{% for x in l %}{% for y in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for x in l %}{% set o = loop %}{% for y in l %}{{ o.index }}{% endfor %}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}e{% endfor %}",
    "{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ y }}{% endfor %};{% endfor %}",
    "{% break %}", "{% for x in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
    "{% for i in l %}{{ n }}{% set n = i %}{{ n }} {% endfor %}{{ n }}", "{% if t %}{% set x = 1 %}{% endif %}{{ x }}",
    "{% if no %}{% set n = 1 %}{% endif %}{{ n }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = l %}", "{% set a = b = 1 %}", "{% set x = 1, 2 %}{{ x }}", "{% set d.a = 5 %}", "{% set missing.a = 5 %}",
    "{% set ns = namespace(d) %}{% set ns.a = 9 %}{{ ns.a }}{{ ns.b }}{{ d.a }}",
    "{% set ns = namespace(x=[]) %}{% for i in l %}{% set ns.x = ns.x + [i] %}{% endfor %}{{ ns.x }}{{ ns.y }}",
    "{% set ns = namespace() %}{% for i in l %}{% set ns.x = i %}{% endfor %}{{ ns.x }}",
    "{% set x %}a{{ n }}{% endset %}{{ x | upper }}", "{% set x | upper | replace('A', 'b') %}a{{ s }}{% endset %}{{ x }}",
    "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}", "{% set x | indent(2) %}a\nb{% endset %}{{ x }}",
    "{% macro f(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(1, c=5) }} {{ f(b=1, a=0) }} {{ f() }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}",
    "{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, x=4) }}",
    "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}", "{% macro f(a=1, b) %}{% endmacro %}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro f() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ f() }}", "{% macro f() %}{{ n }}{% set n = 9 %}{{ n }}{% endmacro %}{{ f() }}{{ n }}",
    "{% macro f() %} x {% endmacro %}[{{ f() | trim }}]{{ f() is string }}{{ f is callable }}",
    "{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}in{{ n }}{% endcall %}",
    "{% macro f() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b=5) f() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro f() %}x{% endmacro %}{% call f() %}in{% endcall %}", "{% macro f() %}{{ caller is defined }}{{ caller() }}{% endmacro %}{{ f() }}",
    "{% call n %}x{% endcall %}", "{% macro f(x) %}{{ x }}{% endmacro %}{{ [1, 2] | map('string') | map('upper') | join }}{{ f(f(f(1))) }}",
    "{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 2]) }}{{ f(**{'a': 1, 'b': 2}) }}{{ f(1, *[2]) }}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aa{% endfilter %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}",
    "{% with n = 5, k = n %}{{ n }}{{ k }}{% endwith %}", "{% raw %}{{ n }}{% if %}{% endraw %}", "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "a\n  {% raw %}\n b\n  {% endraw %}\nc", "{# a #}b{# {{ n }} #}", "a {#- c -#} b", "a\n  {# c #}\nb", "{# x", "{#-#}x",
    "  {% if t %}\n  a\n  {% endif %}\n", "x {% if t %} y {% endif %} z", "  {{ n }}\n  {{ n }}\n", "\n\n{% if t %}\n\na\n{% endif %}\n\n",
    "a\n  {%+ if t %}b{% endif +%}\nc", "a\n{%- if t -%}\n  b  \n{%- endif -%}\nc", "a {{- n -}} b", "a {{- -1 }} {{-1}} {{ - 1 }}",
    "a\r\n{% if t %}\r\nb\r\n{% endif %}\r\nc\r\n", "a\tb\t{% if t %}c{% endif %}", "\t{% if t %}c{% endif %}\t\nx", "{{ n }}{% if t %}\n{% endif %}\n\n",
    "{{ '{{' }}{{ '}}' }}{{ '%}' }}", "{{ {'a': {'b': {}}} }}", "{{ {'a': 1}['a'] }}", "{{ [[1, 2], [3]][0][1] }}", "{{ (1 + 2) * 3 }}", "{ {n} } {n} %}",
    "{% generation %}a{% set g = 1 %}{% endgeneration %}{{ g is defined }}", "{% if n is defined and n is not none and n | string | length == 1 %}y{% endif %}",
    "{% for m in messages[1:] + messages[:1] %}{{ m.role }} {% endfor %}", "{% for m in messages | reverse %}{{ m.content }}{% endfor %}",
    "{% for m in messages | selectattr('role', 'equalto', 'user') %}{{ m.content }}{{ loop.last }}{% endfor %}",
    "{% for r, g in messages | groupby('role') %}{{ r }}:{{ g | length }} {% endfor %}",
    "{% for row in l | batch(2) %}{{ row }}{% endfor %}", "{% set g = l | map('string') %}{{ g | join }}{{ g | join }}|", "{% set g = l | select('odd') %}{{ g | first }}{{ g | list }}",
    "{% set l = l | map('string') | list %}{{ l }}", "{% set messages = messages[1:] %}{{ messages | length }}{% for m in messages %}{{ m.role[0] }}{% endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{{ system }}{{ rest | length }}",
    "{%- for message in messages -%}\n  {%- if message.role == 'user' -%}\n    {{- '[INST] ' + message.content + ' [/INST]' -}}\n  {%- else -%}\n    {{- message.content -}}\n  {%- endif -%}\n{%- endfor -%}",
    "{% for m in messages %}{% if m['role'] not in ['user', 'assistant'] %}{{ raise_exception('Role ' + m['role'] + ' is not supported!') }}{% endif %}{% endfor %}",
    "{% for m in messages %}{{ m.role | upper ~ ': ' ~ m.content }}\n{% endfor %}", "{{ n if n is string else n | string }}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}",
    "{% nope %}", "{% endif %}", "{% if %}", "{% if n %}", "{% for %}", "{% for x %}", "{% for x in %}", "{% for x in l %}", "{% for 1 in l %}", "{% set %}", "{% set x %}", "{% set 1 = 2 %}", "{% set true = 1 %}",
    "{% macro %}", "{% macro f %}", "{{", "{{ }}", "{{ n", "{{ n }", "{{ n + }}", "{{ n n }}", "{{ 'a }}", "{{ (n }}", "{{ n) }}", "{{ [n }}", "{{ {n} }}", "{{ n | }}", "{{ n is }}", "{{ n. }}", "{{ n[ }}",
    "{{ n.'a' }}", "{{ @ }}", "{{ n ? 1 : 2 }}", "{{ n && n }}", "{{ not }}", "{{ f(a=1, 2) }}", "{{ f(**d, 1) }}", "{% if n = 1 %}{% endif %}", "{% else %}", "{% elif %}", "{% if n %}{% else %}{% else %}{% endif %}",
    "{% if n %}{% endfor %}", "{% %}", "%}", "}}", "#}", "{", "{%", "{{ '\\x4' }}", "{{ '\\u12' }}", "{{ '\\N{DASH}' }}", "", "\n", "\n\n", " ", "é😀",
    "{{ 1 }}\n", "{{ 1 }}\n\n", "{% set x = 1 %}\n", "x\n{% set x = 1 %}\n", "{% set x = 1 -%}\n  {{ x }}", "{% if t -%} a {%- endif %} b", "{{ l[0] if l else '' }}{{ l [ 0 ] }}{{ d . a }}", "{{ n\n+\nn }}",
    "{{ s|upper|lower|title }}", "{{ (s|upper)[0] }}", "{{ s|upper()[0] }}", "{{ s.split(',')[0]|upper }}", "{{ l|first|string~'x' }}", "{{ not l|length > 5 }}", "{{ n is defined and l|length }}",
    "{%- set tool_call = {'name': 'f', 'arguments': {'a': [1, 2.5, none, true]}} %}\n{{- '<tool>' ~ (tool_call | tojson) ~ '</tool>' }}", "{{- bos_token }}{%- if not bos_token is defined %}none{% endif %}",
    "{% set content %}{% for m in messages %}{{ m.content }}{% endfor %}{% endset %}{{ content | length }}", "{% for i in range(3) -%}\n{{ i }}\n{%- endfor %}", "{%- for i in range(3) %}\n{{ i }}\n{% endfor -%}",
    "{% macro t(p, depth=0) %}{{ '  ' * depth }}{% if p is mapping %}{ {% for k, v in p | dictsort %}{{ k }}: {{ t(v, depth + 1) }}{% if not loop.last %}, {% endif %}{% endfor %} }{% elif p is string %}'{{ p }}'{% elif p is iterable %}[{% for v in p %}{{ t(v) }};{% endfor %}]{% else %}{{ p }}{% endif %}{% endmacro %}{{ t({'a': [1, 'x', {'b': none}], 'c': {}}) }}",
]


def differential():
    templates = list(STATEMENTS) + ["{{ " + e + " }}" for e in EXPRESSIONS]
    templates += ["{{ " + v + " }}|{{ [" + v + "] }}" for v in VALUES]
    templates += ["{{ " + " }},{{ ".join("(%s) is %s" % (v, t) for v in VALUES[:31]) + " }}" for t in TESTS]
    templates += ["{{ (" + v + ")." + m + " }}" for v in STRINGS[:1] + STRINGS[7:8] for m in METHODS]
    # Without index('z') and its like an error would hide the rest: those stand alone above.
    safe = [m for m in METHODS if not any(w in m for w in ("index", "split('')", "[1]", "nope"))]
    templates += ["{{ (" + v + ")." + (" }}|{{ (" + v + ").").join(safe) + " }}" for v in STRINGS]
    templates += ["{{ " + v + i + " }}" for v in ("s", "l", "u", "(1, 2, 3, 4, 5, 6)") for i in SLICES]
    templates += ["{{ " + v + " | " + f + " }}" for v in ("s", "l", "words", "d", "missing", "nil", "f", "nl", "z")
                  for f in FILTERS if not (f == "reverse" and v != "s")]
    templates += ["{{ " + a + " " + o + " " + b + " }}" for o in OPERATORS for a in OPERANDS for b in OPERANDS]
    cases = []
    for template in dict.fromkeys(templates):
        out, error = render(template, copy.deepcopy(CONTEXT))
        # Addresses; complex numbers; the last digit of the C library's pow.
        if any(w in (out or "") for w in (" object at 0x", "<built-in", "j)", "9.882117688026186")):
            continue
        cases.append([template, out] if error is None else [template, None, error])
    return cases


def write(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        file.write(value)


golden = goldens()
write("golden.json", json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
rows = differential()
write("differential.json", '{"context":\n' + json.dumps(CONTEXT, ensure_ascii=True) + ',\n"cases":[\n'
      + ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows) + "\n]}\n")
print(len(golden), "goldens,", len(rows), "small templates,", sum(1 for r in rows if r[1] is None), "of them errors")
