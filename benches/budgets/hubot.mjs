// Hubot, that others wrote, with an adapter that only hands lines on: how long it takes from receiving a line
// until every listener has had its say. Asked by one JSON object on standard input, answers by another:
//   asked:    name, listeners [expression], cases {name: [line]}, rounds, batch
//   answered: hubot, node, cases {name: {matched, nanoseconds: [for each round, of one line on average]}}

import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

// Its log would be in the way of the answer; warnings are none that anybody waits for.
process.env.HUBOT_LOG_LEVEL = 'error';

const peers = process.env.SHIPMATE_PEERS ?? join(homedir(), '.cache/shipmate-peers');
const { resolve } = createRequire(join(peers, 'npm/package.json'));
const entry = resolve('hubot');
const { version } = JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8'));
const { Adapter, Robot, TextMessage, User } = await import(pathToFileURL(entry).href);

const asked = JSON.parse(await text(process.stdin));

// Receives, and sends nowhere.
const lines = { name: 'lines', use: async (robot) => new Adapter(robot) };
const robot = new Robot(lines, false, asked.name);
let matched = 0;
for (const expression of asked.listeners) {
    // What a script does about its line is its own affair: this one keeps what was cut out of it.
    robot.respond(new RegExp(expression, 'i'), (response) => {
        matched += 1;
        return response.match.slice(1);
    });
}
await robot.loadAdapter();
await robot.run();
const { adapter } = robot;

const user = new User('4001', { name: 'alice', room: 'ops' });
let id = 0;
const hear = (line) => adapter.receive(new TextMessage(user, line, String(id += 1)));

async function measure(lines) {
    const said = lines.map((line) => `${asked.name} ${line}`);
    matched = 0;
    for (const line of said) {
        await hear(line);
    }
    const hits = matched;
    // Until the compiler has seen what is asked again and again.
    const warm = Math.ceil(asked.rounds / 4);
    const nanoseconds = [];
    for (let round = -warm; round < asked.rounds; round += 1) {
        const began = process.hrtime.bigint();
        for (let times = 0; times < asked.batch; times += 1) {
            for (const line of said) {
                await hear(line);
            }
        }
        const took = Number(process.hrtime.bigint() - began);
        if (round >= 0) {
            nanoseconds.push(took / asked.batch / said.length);
        }
    }
    return { matched: hits, nanoseconds };
}

const cases = {};
for (const [name, lines] of Object.entries(asked.cases)) {
    cases[name] = await measure(lines);
}
process.stdout.write(JSON.stringify({ hubot: version, node: process.version, cases }));
robot.shutdown();
