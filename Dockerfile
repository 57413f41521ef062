# Shipmate as an image. The RUN lines of the stage `build` are also what CI executes, without
# Docker, through .ci/dockerfile-build: one command a line, or joined with `\`.

# It brings the C compiler that SQLite and ring are built with.
FROM rust:1.95-trixie AS build
WORKDIR /usr/src/shipmate
# The dependencies first, behind stand-ins for the sources: this layer is built again only when
# the manifest or the lock file changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && touch src/lib.rs \
    && for path in $(sed -n 's/^path = "\(.*\)"$/\1/p' Cargo.toml); do \
        mkdir -p "$(dirname "$path")" && touch "$path"; done \
    && echo 'fn main() {}' > src/main.rs
RUN cargo build --release --locked
COPY . .
# The stand-ins were built after the sources that lie over them now were written.
RUN touch src/main.rs src/lib.rs
RUN cargo build --release --locked --bin shipmate
RUN mkdir -p /opt/shipmate && cp "${CARGO_TARGET_DIR:-target}/release/shipmate" /opt/shipmate/shipmate

FROM debian:trixie-slim
# AWS is trusted by the system's certificates.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/shipmate --create-home shipmate
COPY --from=build /opt/shipmate/shipmate /usr/local/bin/shipmate
USER shipmate
# Where shipmate.toml is looked for, and where a journal with a relative path lies.
WORKDIR /var/lib/shipmate
VOLUME /var/lib/shipmate
# Where `listen` in [web] should be, as 0.0.0.0:8080. There is no HEALTHCHECK: without [web] nothing
# listens, what cannot go on ends by itself, and /healthz is for whoever runs the container.
EXPOSE 8080
# SIGTERM may come at any moment: what runs is carried on at the next start.
ENTRYPOINT ["shipmate"]
CMD ["run"]
