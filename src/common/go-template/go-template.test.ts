import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplate, noValue } from './evaluate.ts';

const data = {
  Name: 'web',
  State: { Running: true, ExitCode: 0 },
  Args: ['a', 'b c'],
  Labels: { 'com.x': 'y', b: '2' },
  None: null,
  Big: 9_007_199_254_740_993n,
  Twice: (text: string) => text + text,
};

const fill = (template: string) => compileTemplate(template, { missing: () => noValue })(data);

test('fields, chains and methods are found', () => {
  assert.equal(fill('{{.Name}} {{.State.Running}} {{(index .Args 1)}}'), 'web true b c');
  assert.equal(fill('{{.Twice "ab"}} {{$.Name}} {{.Big}}'), 'abab web 9007199254740993');
  assert.equal(fill('{{.Missing}} {{.None}}'), '<no value> <no value>');
});

test('values are printed as Go prints them', () => {
  assert.equal(fill('{{.Args}} {{.Labels}} {{.State}}'), '[a b c] map[b:2 com.x:y] map[ExitCode:0 Running:true]');
  assert.equal(fill('{{print 1 2 "a" "b" 3 4}} {{println "x"}}'), '1 2a b3 4 x\n'.replace('a b3', 'ab3'));
  assert.equal(fill("{{1.5}} {{0x10}} {{1e3}} {{true}} {{'a'}}"), '1.5 16 1000 true 97');
});

test('if, else if, with and range choose as Go does', () => {
  assert.equal(fill('{{if .State.ExitCode}}bad{{else if .Name}}good{{else}}?{{end}}'), 'good');
  assert.equal(fill('{{with .Labels}}{{.b}}{{else}}none{{end}}{{with .None}}x{{else}}none{{end}}'), '2none');
  assert.equal(fill('{{range .Args}}[{{.}}]{{end}}'), '[a][b c]');
  assert.equal(fill('{{range $i, $v := .Args}}{{$i}}={{$v}},{{end}}'), '0=a,1=b c,');
  assert.equal(fill('{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}'), 'b=2,com.x=y,');
  assert.equal(fill('{{range .None}}x{{else}}empty{{end}}'), 'empty');
  assert.equal(fill('{{range .Args}}{{.}}{{break}}{{end}}{{range .Args}}{{continue}}x{{end}}'), 'a');
});

test('variables have the scope of their block and can be changed from within', () => {
  assert.equal(fill('{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}'), '2');
  assert.equal(fill('{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}'), '1');
  assert.throws(() => fill('{{if true}}{{$y := 1}}{{end}}{{$y}}'), /undefined variable "\$y"/);
});

test('pipelines give the value to the last argument', () => {
  assert.equal(fill('{{.Name | printf "%s-%s" "a"}} {{.Name | upper | lower | title}}'), 'a-web Web');
  assert.equal(fill('{{(printf "%d" 7) | len}}'), '1');
});

test('Docker’s functions', () => {
  assert.equal(fill('{{json .State}} {{json .None}}'), '{"Running":true,"ExitCode":0} null');
  assert.equal(fill('{{join .Args ","}} {{index (split "a:b" ":") 1}} {{len (split "a:b" ":")}}'), 'a,b c b 2');
  assert.equal(fill('{{truncate .Name 2}} [{{pad .Name 1 2}}] {{slice .Name 1 2}}'), 'we [ web  ] e');
  assert.equal(fill('{{index .Labels "com.x"}}[{{index .Labels "nothing"}}]'), 'y[]');
});

test('comparisons and logic', () => {
  assert.equal(
    fill('{{eq .Name "x" "web"}} {{ne 1 2}} {{lt 1 2}} {{ge "b" "a"}} {{not true}}'),
    'true true true true false',
  );
  assert.equal(fill('{{and .Name .Args}} {{or .None "x"}} {{and 0 (index .Args 9)}}'), '[a b c] x 0');
  assert.throws(() => fill('{{eq .Name 1}}'), /incompatible types/);
});

test('printf formats as Go does', () => {
  assert.equal(
    fill('{{printf "%5d|%-5s|%05d|%x|%q|%v|%t|%.2f|%%" 42 "ab" 7 255 "c" .Args true 1.5}}'),
    '   42|ab   |00007|ff|"c"|[a b c]|true|1.50|%',
  );
  assert.equal(fill('{{printf "%d" "x"}} {{printf "%s"}}'), '%!d(string=x) %!s(MISSING)');
});

test('trim markers and comments', () => {
  assert.equal(fill('a \n {{- .Name -}} \n b {{/* no */}}c{{- /* none */ -}} d'), 'awebb cd');
  assert.equal(fill('{{"{{"}} {{`a"b`}}'), '{{ a"b');
});

test('templates are defined and called', () => {
  assert.equal(
    fill('{{define "T"}}<{{.}}>{{end}}{{template "T" .Name}}{{range .Args}}{{template "T" .}}{{end}}'),
    '<web><a><b c>',
  );
  assert.equal(fill('{{block "B" .Name}}[{{.}}]{{end}}'), '[web]');
  assert.throws(() => fill('{{define "R"}}{{template "R"}}{{end}}{{template "R"}}'), /depth/);
});

test('wrong templates are refused with what is wrong', () => {
  const cases: [string, RegExp][] = [
    ['{{.Name', /unclosed action/],
    ['{{nosuch .Name}}', /function "nosuch" not defined/],
    ['{{if .Name}}x', /unexpected EOF/],
    ['{{end}}', /unexpected \{\{end\}\}/],
    ['{{else}}', /unexpected \{\{else\}\}/],
    ['{{break}}', /outside/],
    ['{{}}', /missing value/],
    ['{{.Name | }}', /missing value/],
    ['{{(.Name}}', /unclosed left paren|missing value/],
    ['{{"abc}}', /unterminated/],
    ['{{/* x}}', /unclosed comment/],
    ['{{template "no"}}', /not defined/],
    ['{{.Name.Field}}', /can't evaluate field Field/],
    ['{{index .Args 5}}', /out of range/],
    ['{{.Name "x"}}', /has arguments/],
  ];
  for (const [template, message] of cases) assert.throws(() => fill(template), message, template);
});
