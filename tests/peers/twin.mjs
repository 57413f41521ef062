// Starts discord-digital-twin, a Discord that others wrote, with a guild for the tests, and takes orders for
// it: one JSON object a line on standard input, one answer a line on standard output. It ends with its input.
// Usage: node twin.mjs WORLD   (JSON: now, bot, token, guild, channels [{id, name}], people [{id, username, roles}])

import { createRequire } from 'node:module';
import { Server } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const peers = process.env.SHIPMATE_PEERS ?? join(homedir(), '.cache/shipmate-peers');
const { resolve } = createRequire(join(peers, 'npm/package.json'));

const world = JSON.parse(process.argv[2]);

// The twin listens on every address of the machine; here it is to be reached from this one only.
const { listen } = Server.prototype;
Server.prototype.listen = function onLoopback(port, ...rest) {
    return listen.call(this, port, '127.0.0.1', ...rest);
};
// Its ids are stamped with the time that the test says it is.
const ahead = world.now - Date.now();
const { now } = Date;
Date.now = () => now.call(Date) + ahead;

const { DigitalDiscord } = await import(pathToFileURL(resolve('discord-digital-twin')).href);

const TEXT = 0;
const AUTOCOMPLETION = 4;

const twin = new DigitalDiscord({
    botToken: world.token,
    botUser: { id: world.bot, username: 'shipmate' },
    guild: { id: world.guild, ownerId: world.people[0].id },
    channels: world.channels.map(({ id, name }) => ({ id, name, type: TEXT })),
    users: world.people.map(({ id, username }) => ({ id, username })),
});
await twin.start();
for (const { id, roles } of world.people) {
    await twin.prisma.guildMember.update({
        where: { guildId_userId: { guildId: world.guild, userId: id } },
        data: { roles: JSON.stringify(roles) },
    });
}

const member = ({ channel, user }) => twin.channel(channel).user(user);

const orders = {
    // Somebody writes.
    say: (order) => member(order).sendMessage({ content: order.text }),
    // Somebody uses a slash command; options are {name, type, value}.
    slash: (order) => member(order).runSlashCommand({ name: order.name, options: order.options }),
    // Somebody types into an option: the one of `options` that is `focused`.
    type: ({ channel, user, name, options }) => twin.simulateInteraction({
        type: AUTOCOMPLETION, channelId: channel, userId: user,
        data: { id: '1', name, type: 1, options },
    }),
    press: (order) => member(order).clickButton({ messageId: order.message, customId: order.button }),
    // What an interaction was answered with.
    answer: async ({ interaction }) => {
        const found = await twin.channel(world.channels[0].id).getInteractionResponse(interaction);
        return found && { ...found, data: found.data && JSON.parse(found.data) };
    },
    messages: ({ channel }) => twin.channel(channel).getMessages(),
    message: ({ message }) => twin.prisma.message.findUnique({ where: { id: message } }),
    threads: ({ channel }) => twin.channel(channel).getThreads(),
    commands: async () => {
        const known = await twin.prisma.applicationCommand.findMany({ where: { type: 1 } });
        return known.map((one) => ({ ...one, options: JSON.parse(one.options) }));
    },
};

const tell = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
tell({ api: twin.restUrl.replace(/\/api$/, '') });
for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    try {
        tell({ done: (await orders[order.order](order)) ?? null });
    } catch (error) {
        tell({ failed: String(error.stack ?? error) });
    }
}
process.exit(0);
