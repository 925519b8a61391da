// A certified OpenID Connect provider on 127.0.0.1: node provider.mjs FOLDER PORT REDIRECT_URI PEOPLE
// FOLDER holds node_modules; PEOPLE is JSON: the claims of each account by its name. Nobody needs a password.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, port, redirect, json] = process.argv.slice(2);
const found = createRequire(`${folder}/package.json`).resolve("oidc-provider");
const { default: Provider, interactionPolicy } = await import(pathToFileURL(found));
const people = JSON.parse(json);
const scopes = "openid profile email groups";

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "mskgraph",
      client_secret: "a secret of the tests",
      redirect_uris: [redirect],
      post_logout_redirect_uris: [redirect],
    },
  ],
  scopes: scopes.split(" "),
  claims: { email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  conformIdTokenClaims: false, // Streamlit reads nothing but the ID token
  cookies: { keys: ["a key of the tests"] },
  findAccount: (_ctx, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  async loadExistingGrant(ctx) {
    const { Account, Client } = ctx.oidc.entities;
    const grant = new provider.Grant({ accountId: Account.accountId, clientId: Client.clientId });
    grant.addOIDCScope(scopes);
    await grant.save();
    return grant; // nobody is asked whether the program may know these claims
  },
  interactions: { policy, url: (_ctx, interaction) => `/who/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      logoutSource(ctx, form) {
        const button = '<button form="op.logoutForm" name="logout" value="yes">End the session</button>';
        ctx.body = `<!DOCTYPE html><html lang="en"><title>Provider</title>${form}${button}</html>`;
      },
    },
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/who/")) {
    return next();
  }
  if (people[ctx.query.account]) {
    const result = { select_account: {}, login: { accountId: ctx.query.account } };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
  } else {
    const links = Object.keys(people).map((name) => `<p><a href="?account=${name}">${name}</a></p>`);
    ctx.body = `<!DOCTYPE html><html lang="en"><title>Provider</title>${links.join("")}</html>`;
  }
});

provider.listen(Number(port), "127.0.0.1");
