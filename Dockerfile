# docker build -t fermoposta .
# docker run --rm --cap-add SYS_ADMIN --device /dev/fuse --security-opt apparmor=unconfined -v "$PWD:/work" fermoposta run baseline

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends dpkg-dev git && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN cd /source && .ci/debian-package

FROM debian:bookworm-slim
COPY --from=build /source/target/debian/fermoposta_*.deb /tmp/
RUN apt-get update \
    && apt-get install -y --no-install-recommends /tmp/fermoposta_*.deb fuse3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* /tmp/fermoposta_*.deb
WORKDIR /work
ENTRYPOINT ["fermoposta"]
CMD ["doctor"]
