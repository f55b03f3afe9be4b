# One image, two processes: `serve` (the api, default) and `runner --listen …`. Inside are Node, the libraries it
# needs and the program; no shell, no package manager, no development dependency.
#
#   docker build --tag sallyport .
#   docker build --tag sallyport --build-arg NODE=node:26-bookworm-slim@sha256:… .     ./scripts/image does this
#
# Keeps to the classic builder of Docker 20.10.
ARG NODE=node:26-bookworm-slim

FROM ${NODE} AS packages
LABEL sallyport.stage=packages
WORKDIR /opt/sallyport
COPY package.json package-lock.json ./
# Not `npm ci`: it stops at a lock file that names no registry. The lock file still pins every version.
RUN npm install --omit=dev --no-save --ignore-scripts --no-audit --no-fund --loglevel=error --no-update-notifier
COPY scripts/trim-packages.ts scripts/image-sbom.ts scripts/
# Without the development dependencies beside them: npm leaves out what one of those needs as well.
RUN npm pkg delete devDependencies \
 && npm sbom --omit dev --sbom-format cyclonedx >/tmp/packages.cdx.json \
 && node scripts/trim-packages.ts node_modules

FROM ${NODE} AS program
LABEL sallyport.stage=program
WORKDIR /opt/sallyport
COPY package.json ./
COPY scripts/strip-types.ts scripts/
COPY src src
RUN node --disable-warning=ExperimentalWarning scripts/strip-types.ts

FROM packages AS image
LABEL sallyport.stage=image
COPY --from=program /opt/sallyport/dist /image/opt/sallyport/dist
COPY sandbox-images /image/opt/sallyport/sandbox-images
COPY policies /image/opt/sallyport/policies
COPY LICENSE package.json /image/opt/sallyport/
COPY deploy/compose/make-secrets.mjs /image/opt/sallyport/deploy/
# Libraries of Node and of the addons; links to `sallyport` and, for the health check, `node` on PATH.
RUN mv node_modules /image/opt/sallyport/ \
 && { for program in /usr/local/bin/node $(find /image/opt/sallyport/node_modules -name '*.node'); do \
        ldd "$program" | grep -o '/[^ ]*'; \
      done; } | grep -v '^/image' | sort -u >/tmp/libraries \
 && xargs -I {} install -D -m 0755 {} /image{} </tmp/libraries \
 && install -D -m 0755 /usr/local/bin/node /image/usr/local/bin/node \
 && ln -s /opt/sallyport/dist/main.js /image/usr/local/bin/sallyport \
 && install -D -m 0755 /usr/bin/env /image/usr/bin/env \
 && node scripts/image-sbom.ts /tmp/packages.cdx.json /tmp/libraries >/image/opt/sallyport/sbom.cdx.json \
 && mkdir -p /image/etc && install -d -m 1777 /image/tmp \
 && printf 'root:x:0:0::/:\nsallyport:x:10001:10001::/var/lib/sallyport:\n' >/image/etc/passwd \
 && printf 'root:x:0:\nsallyport:x:10001:\n' >/image/etc/group \
 && chmod -R u=rwX,go=rX /image/opt /image/etc \
 && install -d -m 0770 /state/lib/sallyport

FROM scratch
COPY --from=image /image /
COPY --from=image --chown=10001:10001 /state/lib /var/lib
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG BASE_DIGEST=unknown
LABEL org.opencontainers.image.title="Sallyport" \
      org.opencontainers.image.description="Sandboxed tool execution for AI agents" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}"
ENV PATH=/usr/local/bin \
    NODE_ENV=production \
    SALLYPORT_HOST=0.0.0.0 \
    SALLYPORT_DATA_DIR=/var/lib/sallyport \
    SALLYPORT_POLICY_DIR=/opt/sallyport/policies
USER 10001:10001
WORKDIR /var/lib/sallyport
VOLUME /var/lib/sallyport
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SALLYPORT_PORT ?? 8080}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/sallyport/dist/main.js"]
CMD ["serve"]
