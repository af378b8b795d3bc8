import { describe, expect, it } from 'vitest';
import { render } from '../src/template/run.ts';

const VOLUMES = [
  { id: 'vol-1', name: 'data', sizeBytes: 2 ** 34, state: 'available', labels: { team: 'web' }, holders: [] },
  { id: 'vol-22', name: 'b', sizeBytes: 2 ** 20, state: 'mounted', labels: {}, holders: [{ holder: 'cli' }] },
];
const heads = (v: unknown) => ({ Size: (v as { sizeBytes: number }).sizeBytes > 2 ** 30 ? '16 GiB' : '1 MiB' });
const said = (template: string): string => render(template, VOLUMES, heads);

describe('templates', () => {
  it.each([
    ['{{.Name}}', 'data\nb\n'],
    ['{{.ID}}\\t{{.Name}}', 'vol-1   data\nvol-22  b\n'],
    ['{{.Name}} {{.Size}} {{.sizebytes}}', 'data 16 GiB 17179869184\nb 1 MiB 1048576\n'],
    ['{{range .}}{{.Name}},{{end}}', 'data,b,\n'],
    ['{{range $i, $v := .}}{{$i}}={{$v.Name}} {{end}}', '0=data 1=b \n'],
    ['{{len .}}', '2\n'],
    ['{{(index . 0).Name}}', 'data\n'],
    ['{{with .Labels}}{{.team}}{{else}}none{{end}}', 'web\nnone\n'],
    ['{{if eq .State "mounted"}}M{{else if .Holders}}H{{else}}-{{end}}', '-\nM\n'],
    ['{{json .Labels}}', '{"team":"web"}\n{}\n'],
    ['{{.Name | upper | printf "%-6s|"}}', 'DATA  |\nB     |\n'],
    ['{{printf "%s:%d" .Name .SizeBytes}}', 'data:17179869184\nb:1048576\n'],
    ['{{- /* a comment */ -}}  {{.Name}}', 'data\nb\n'],
    ['{{$n := .Name}}{{$n}}{{"\\n"}}', 'data\nb\n'],
    ['{{or .Mountpoint "not mounted"}}', 'not mounted\nnot mounted\n'],
    ['{{if and (gt .SizeBytes 5) (not .Holders)}}big{{end}}', 'big\n\n'],
    ['{{.Labels}} {{range .Holders}}{{.Holder}}{{end}}', 'map[team:web] \nmap[] cli\n'],
    ['{{join .Holders ","}}{{len .Name}}', '4\nmap[holder:cli]1\n'],
  ])('%s', (template, expected) => {
    expect(said(template)).toBe(expected);
  });

  it.each([
    ['{{.Nme}}', 'there is no field .Nme', 'Did you mean .name'],
    ['{{define "x"}}{{end}}', '{{define}} is not supported', 'Supported:'],
    ['{{.Name', 'a "{{" has no "}}"', 'Supported:'],
    ['{{if .Name}}x', 'has no {{end}}', 'Supported:'],
    ['{{end}}', '{{end}} has no', 'Supported:'],
    ['{{frob .Name}}', 'there is no function "frob"', 'Supported:'],
    ['{{printf "%d" .Name}}', 'printf: %d needs a number', 'Supported:'],
    ['{{printf "%s %s" .Name}}', 'printf: %s has no value', 'Supported:'],
    ['{{$x}}', 'the variable $x was not set', 'Supported:'],
    ['{{.Holders.Name}}', 'a list has no fields', 'range'],
    ['{{.Name .}}', '"." was not expected', 'Supported:'],
    ['{{range .Name}}{{end}}', '{{range}} cannot go through data', 'Supported:'],
  ])('%s is refused: %s', (template, message, hint) => {
    try {
      said(template);
      expect.unreachable();
    } catch (e) {
      const error = e as { code: string; message: string; hint: string };
      expect(error.code).toBe('invalid');
      expect(error.message).toContain(message);
      expect(error.hint).toContain(hint);
    }
  });
});
