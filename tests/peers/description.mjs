// Holds what the tests' fake Discord was asked, and what it answered, against Discord's own description of its
// API, with prism's validation. Knows nothing of Shipmate.
// Usage: node description.mjs DESCRIPTION FOLDER [--some]
//   DESCRIPTION  Discord's openapi.json, with /api/v10 before each path
//   FOLDER       of *.jsonl files as tests/discord/fake/recording.rs writes them
//   --some       a part of a run: not every operation has to be in it

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// The validators that prism generates are functions so large that to optimise one can take all of a machine's
// memory: they are run as they are.
setFlagsFromString('--no-opt');
setFlagsFromString('--no-maglev');

const peers = process.env.SHIPMATE_PEERS ?? join(process.env.HOME, '.cache/shipmate-peers');
const require = createRequire(join(peers, 'npm/package.json'));
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http');
const { validateInput, validateOutput } = require('@stoplight/prism-http/dist/validator');
const { default: route } = require('@stoplight/prism-http/dist/router');

// What a whole run must have asked at least once; less means that something was not written down.
const EXPECTED = [
    'GET /users/@me',
    'GET /oauth2/applications/@me',
    'POST /users/@me/channels',
    'GET /applications/{application_id}/guilds/{guild_id}/commands',
    'PUT /applications/{application_id}/guilds/{guild_id}/commands',
    'GET /channels/{channel_id}',
    'GET /channels/{channel_id}/messages',
    'POST /channels/{channel_id}/messages',
    'GET /channels/{channel_id}/messages/{message_id}',
    'PATCH /channels/{channel_id}/messages/{message_id}',
    'POST /channels/{channel_id}/messages/{message_id}/threads',
    'GET /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}',
    'PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me',
    'DELETE /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/{user_id}',
    'GET /guilds/{guild_id}',
    'GET /guilds/{guild_id}/members/{user_id}',
];

// The fake's own tests ask what it must refuse; nobody else may.
const isTrial = (exchange) => exchange.test.startsWith('discord::fake_itself::');

// The description allows fields that it does not name, and Discord ignores them: here they are mistakes. What
// Discord's pages and its servers do otherwise than its description says is put right first.
function close(description) {
    const { schemas } = description.components;
    // The codes of fields are words, such as BASE_TYPE_REQUIRED.
    schemas.InnerErrors.properties._errors.items = {
        type: 'object', required: ['code', 'message'],
        properties: { code: { type: 'string' }, message: { type: 'string' } },
    };
    for (const name of ['ApplicationCommandCreateRequest', 'ApplicationCommandUpdateRequest']) {
        // Discord's pages name it; its description has it in answers only.
        schemas[name].properties.nsfw = { type: 'boolean' };
    }
    for (const [name, schema] of Object.entries(schemas)) {
        const asks = /Request(Partial|Data)?$/.test(name) || /^RichEmbed/.test(name);
        if (asks && schema.properties && schema.additionalProperties === undefined) {
            schema.additionalProperties = false;
        }
    }
    return description;
}

// Each only once, whichever entry of a list it is about.
const words = (left) => [...new Set(left.map((one) => one.message.replace(/(?<=[. ])\d+(?=[. ])/g, 'N')))];

// What is wrong with a request, in the description's words.
function wrongRequest(operation, exchange, url) {
    const query = Object.fromEntries(url.searchParams);
    const known = (operation.request?.query ?? []).map((one) => one.name);
    const unknown = Object.keys(query).filter((name) => !known.includes(name));
    const headers = {};
    if (exchange.content_type) {
        headers['content-type'] = exchange.content_type;
    }
    if (exchange.body !== null) {
        headers['content-length'] = String(JSON.stringify(exchange.body).length);
    }
    const element = {
        method: exchange.method.toLowerCase(),
        url: { path: url.pathname, query },
        headers,
        body: structuredClone(exchange.body) ?? undefined,
    };
    const found = validateInput({ resource: operation, element });
    return [
        ...unknown.map((name) => `Request query has no parameter ${name}`),
        ...(found._tag === 'Left' ? words(found.left) : []),
    ];
}

// What is wrong with an answer.
function wrongAnswer(operation, exchange) {
    const element = {
        statusCode: exchange.status,
        headers: exchange.answer === null ? {} : { 'content-type': 'application/json' },
        body: structuredClone(exchange.answer) ?? undefined,
    };
    const found = validateOutput({ resource: operation, element });
    return found._tag === 'Left' ? words(found.left) : [];
}

// The operation that a request is one of, and what is wrong with request and answer.
function judge(operations, exchange) {
    const url = new URL(exchange.path, 'http://localhost');
    const input = { method: exchange.method.toLowerCase(), url: { path: url.pathname, query: {} } };
    const found = route({ resources: operations, input });
    if (found._tag === 'Left') {
        return { name: `${exchange.method} ${url.pathname}`, request: ['there is no such operation'], answer: [] };
    }
    const operation = found.right;
    const name = `${exchange.method} ${operation.path.replace('/api/v10', '')}`;
    const request = wrongRequest(operation, exchange, url);
    // The description wants a code in a 429 that Discord's pages do not have there.
    const free = exchange.ordered || exchange.status === 429;
    const answer = free ? [] : wrongAnswer(operation, exchange);
    return { name, request, answer };
}

// What must be found wrong, or nothing that is found right means anything.
function checkTheCheck(operations) {
    const base = {
        method: 'POST', path: '/api/v10/channels/2000/messages', test: '', status: 200,
        content_type: 'application/json', body: { content: 'a' }, answer: null, ordered: true,
    };
    const bad = {
        'a number as text': { body: { content: 5 } },
        'a long title': { body: { embeds: [{ title: 't'.repeat(257) }] } },
        'a long nonce': { body: { nonce: 'n'.repeat(26), enforce_nonce: true } },
        'a field that is not there': { body: { contents: 'a' } },
        'a field of an embed that is not there': { body: { embeds: [{ titel: 'a' }] } },
        'no body': { body: null },
        'a form as text': { content_type: 'text/plain' },
        'a parameter that is not there': { method: 'GET', path: '/api/v10/channels/2000/messages?limits=2', body: null },
        'too large a page': { method: 'GET', path: '/api/v10/channels/2000/messages?limit=101', body: null },
        'no such operation': { path: '/api/v10/channels/2000/letters' },
        'an answer that is no message': { ordered: false, answer: { id: '1' } },
    };
    if (judge(operations, base).request.length > 0) {
        throw new Error('a good request is found wrong');
    }
    for (const [what, change] of Object.entries(bad)) {
        const { request, answer } = judge(operations, { ...base, ...change });
        if (request.length + answer.length === 0) {
            throw new Error(`${what} is not found wrong`);
        }
    }
}

function exchanges(folder) {
    const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
    const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

const [file, folder, some] = process.argv.slice(2);
const operations = await getHttpOperationsFromSpec(close(JSON.parse(readFileSync(file, 'utf8'))));
checkTheCheck(operations);

const seen = new Set();
const complaints = new Map();
function complain(who, name, wrong, exchange) {
    const key = `${who}: ${name}: ${wrong.join('; ')}`;
    const known = complaints.get(key) ?? { count: 0, exchange };
    known.count += 1;
    complaints.set(key, known);
}
const all = exchanges(folder);
for (const exchange of all) {
    const { name, request, answer } = judge(operations, exchange);
    const accepted = exchange.status >= 200 && exchange.status < 300 && !exchange.ordered;
    if (!isTrial(exchange)) {
        seen.add(name);
    }
    if (request.length > 0 && !isTrial(exchange)) {
        complain('asked', name, request, exchange);
    } else if (request.length > 0 && accepted) {
        complain('the fake lets pass', name, request, exchange);
    }
    if (answer.length > 0) {
        complain('the fake answers', name, answer, exchange);
    }
}
for (const [key, { count, exchange }] of complaints) {
    console.log(`${key}\n    ${count} times, such as ${JSON.stringify(exchange).slice(0, 2000)}`);
}
const missing = some ? [] : EXPECTED.filter((name) => !seen.has(name));
for (const name of missing) {
    console.log(`never asked: ${name}`);
}
console.log(`${all.length} kinds of requests to ${seen.size} operations: ${complaints.size} complaints`);
process.exitCode = complaints.size + missing.length + (all.length === 0 ? 1 : 0) > 0 ? 1 : 0;
