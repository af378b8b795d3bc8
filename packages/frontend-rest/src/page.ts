import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { OWN_PATHS, V1_ROUTES } from './v1/routes.ts';

const STYLE = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem;text-transform:capitalize}h2.own{text-transform:none}ul{list-style:none;padding-left:.7rem}details{border:1px solid #8884;border-radius:6px;margin:.4rem 0;padding:.3rem .7rem}
summary{cursor:pointer}code,pre,input,textarea{font:13px/1.45 ui-monospace,monospace}pre{overflow:auto;max-height:24rem;background:#8881;padding:.6rem;border-radius:4px}
.m{display:inline-block;min-width:4.5em;font-weight:700}table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #8884;padding:.2rem .5rem;text-align:left;vertical-align:top}
input,textarea{width:100%;box-sizing:border-box}textarea{min-height:5rem}button{font:inherit;margin:.4rem 0}.e{color:#c33}`;

/** Nothing but this page and this server: no script, style, font or picture of anybody else's. */
const SCRIPT = `'use strict';
const $=(tag,text,...kids)=>{const e=document.createElement(tag);if(text)e.textContent=text;e.append(...kids);return e};
const prose=t=>String(t||'').split('\`').map((x,i)=>i%2?$('code',x):x);
const main=document.querySelector('main'),token=document.querySelector('#token');
const headers=()=>token.value?{authorization:'Bearer '+token.value.trim()}:{};
const name=(s,doc)=>s.$ref?s.$ref.split('/').pop():s.type||(s.anyOf||s.oneOf?(s.anyOf||s.oneOf).map(x=>name(x,doc)).join(' | '):s.const!==undefined?JSON.stringify(s.const):'any');
const sample=s=>{const o={};for(const k of s.required||[])o[k]=(s.properties[k].type==='string')?'':null;return JSON.stringify(o,null,2)};
function operation(doc,path,method,op){
  const d=$('details','',$('summary','',Object.assign($('code',method.toUpperCase()),{className:'m'}),$('code',path),' — ',...prose(op.summary)));
  const rows=[],inputs=new Map();
  for(const p of op.parameters||[]){const i=$('input');i.setAttribute('aria-label',p.name);inputs.set(p,i);
    rows.push($('tr','',$('td','',$('code',p.name),$('br'),$('small',p.in+(p.required?', required':''))),$('td','',...prose(p.description||name(p.schema,doc))),$('td','',i)))}
  if(rows.length)d.append($('table','',...rows));
  const schema=op.requestBody&&op.requestBody.content['application/json'].schema;let body;
  if(schema){d.append($('p','Body:'));body=$('textarea');body.value=sample(schema);d.append(body);
    const known=Object.entries(schema.properties||{}).map(([k,s])=>$('tr','',$('td','',$('code',k)),$('td',name(s,doc)),$('td','',...prose(s.description))));
    d.append($('details','',$('summary','fields'),$('table','',...known)))}
  const answers=Object.entries(op.responses);if(answers.length)d.append($('p','Answers:'),$('table','',...answers.map(([c,r])=>$('tr','',$('td','',$('code',c)),$('td','',...prose(r.description))))));
  const go=$('button','Send'),out=$('pre');out.hidden=true;
  const say=(t,bad)=>{out.hidden=false;out.className=bad?'e':'';out.textContent=t};
  go.onclick=async()=>{let at=path;const q=new URLSearchParams(),h=headers();
    const lacking=[...inputs].filter(([p,i])=>p.required&&(i.value===''||p.in==='path'&&/^\\.\\.?$/.test(i.value)));
    if(lacking.length)return say('Nothing was sent: '+lacking.map(([p,i])=>p.name+(i.value===''?' is needed':' cannot be "'+i.value+'"')).join(', ')+'.',true);
    for(const[p,i]of inputs){if(i.value==='')continue;if(p.in==='path')at=at.replace('{'+p.name+'}',encodeURIComponent(i.value));else if(p.in==='query')q.append(p.name,i.value);else h[p.name]=i.value}
    if(method==='delete'&&!confirm('DELETE '+at+' ?'))return say('Nothing was sent.');
    if(body)h['content-type']='application/json';say('…');go.disabled=true;
    try{const r=await fetch(at+(q.size?'?'+q:''),{method:method.toUpperCase(),headers:h,...(body&&{body:body.value})});const t=await r.text();
      let shown=t,said='';try{const x=JSON.parse(t);shown=JSON.stringify(x,null,2);if(!r.ok&&x.detail)said=x.detail+(x.hint?'\\n'+x.hint:'')+'\\n\\n'}catch{}
      say(r.status+' '+r.statusText+'\\n'+said+shown,!r.ok)}
    catch(e){say('The server cannot be reached, or hung up before it answered ('+e.message+').',true)}finally{go.disabled=false}};
  if(op.operationId==='events')d.append($('p','It does not end: read it with a program (curl -N).'));else d.append(go);
  d.append(out);return d}
async function show(){main.replaceChildren($('p','…'));try{
  const r=await fetch('/openapi.json',{headers:headers()});if(!r.ok)throw new Error(r.status===401?'This server wants a token.':'It answered '+r.status);
  const doc=await r.json(),by=new Map();
  for(const[path,ops]of Object.entries(doc.paths))for(const[method,op]of Object.entries(ops)){const t=op.tags[0];by.has(t)||by.set(t,[]);by.get(t).push(operation(doc,path,method,op))}
  const plain=(path,summary)=>operation(doc,path,'get',{summary,responses:{}});by.set('watching',[plain('/healthz','Whether the server lives'),plain('/readyz','Whether every service answers, and which does not'),plain('/metrics','What Prometheus reads')]);
  main.replaceChildren($('p','',...prose(doc.info.description)),...[...by].flatMap(([t,all])=>[$('h2',t),...all]))
}catch(e){main.replaceChildren(Object.assign($('p',e.message),{className:'e'}))}}
document.querySelector('form').onsubmit=e=>{e.preventDefault();show()};show();`;

/** By hand these need headers that say which node asks: listed, and not to be sent from here. */
const v1Row = (method: string, path: string): string =>
  `<li><code class="m">${method}</code><code>${path.replace(/:(\w+)/g, '{$1}')}</code></li>`;
const V1 = `<h2 class="own">libStorage v1</h2><p>For clients of REX-Ray; in docs/rest.md.</p><ul>${[
  ...OWN_PATHS.map((path) => v1Row('GET', path)),
  ...V1_ROUTES.map((r) => v1Row(r.method, r.on === undefined ? r.path : `${r.path}?${r.on}`)),
].join('')}</ul>`;

const page = (
  v1: boolean,
): string => `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>REX-Ray</title><style>${STYLE}</style>
<h1>REX-Ray: the interface</h1><form><label>Token <input id="token" type="password" autocomplete="off" placeholder="where the server wants one; kept in this page alone"></label><button>Show</button></form><main></main>${v1 ? V1 : ''}<script>${SCRIPT}</script></html>`;

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const POLICY = `default-src 'none'; connect-src 'self'; script-src ${hash(SCRIPT)}; style-src ${hash(STYLE)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The interface to read and to try in a browser, without a network beyond this server. It says nothing of what is here. */
export function installPage(fastify: FastifyInstance, o: { readonly libstorage: boolean }): void {
  const text = page(o.libstorage);
  fastify.get('/docs', async (_q, r) =>
    r
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .header('referrer-policy', 'no-referrer')
      .send(text),
  );
  // A browser is shown the page; a client of libStorage its list of roots.
  fastify.get('/', async (q, r) => {
    if (/text\/html/.test(q.headers.accept ?? '')) return r.redirect('/docs', 303);
    return r.send(['/services', '/snapshots', '/tasks', '/help', '/volumes']);
  });
}
