# An image of the program alone, for docs/kubernetes:
#
#   docker build -t registry.example.com/stallgraph:latest .
#
# Fixed versions of Debian and Rust, and --locked, so that the same source gives the same program.
FROM rust:1.95.0-bookworm AS build
WORKDIR /source
COPY . .
# Linked statically: the image has no libraries. With a target, build scripts are built as ever.
RUN target="$(uname -m)-unknown-linux-gnu" && \
    RUSTFLAGS="-C target-feature=+crt-static" \
        cargo build --release --locked --bin stallgraph --target "$target" && \
    mkdir -p /image/licenses && \
    strip -o /image/stallgraph "target/$target/release/stallgraph" && \
    cp LICENSE-APACHE LICENSE-MIT NOTICE /image/licenses

FROM scratch
LABEL org.opencontainers.image.title="stallgraph" \
      org.opencontainers.image.description="What held a CPU while received packets waited" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image /
# Root: only the owner of tracefs, and of the packs, may read them.
ENTRYPOINT ["/stallgraph"]
