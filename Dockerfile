# syntax=docker/dockerfile:1
# One image for every process of ours; compose names the entry (dist/<folder>/main.js).
# Debian with glibc, not Alpine: the Temporal SDK and argon2 are native libraries built for it.
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
RUN npm run build

FROM node:20.20.2-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# No package that runs here needs its install script.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts

FROM node:20.20.2-bookworm-slim
# Temporal Cloud, and every TLS address, is verified against the system's certificates; the slim image has none.
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  # A named volume mounted here takes over this owner; without it the sandbox could not write its ledger.
  && install -d -o node -g node /var/lib/firstcome
ENV NODE_ENV=production KAFKAJS_NO_PARTITIONER_WARNING=1
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
USER node
CMD ["node", "dist/gateway/main.js"]
