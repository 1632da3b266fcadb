# The service, the relay and the consumers in one image: `docker build --tag dealtrail .`; what runs is the command.
FROM python:3.13-slim-trixie AS build
WORKDIR /source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock ./
RUN python -m venv /opt/dealtrail \
    && /opt/dealtrail/bin/pip install --no-deps --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY projections projections
COPY consumers consumers
COPY infra infra
# what was only needed to build it does not come along
RUN /opt/dealtrail/bin/pip install --no-deps --no-build-isolation . \
    && /opt/dealtrail/bin/pip uninstall --yes hatchling editables pip

FROM python:3.13-slim-trixie
RUN groupadd --system --gid 10001 dealtrail \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin dealtrail \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/dealtrail /opt/dealtrail
ENV PATH=/opt/dealtrail/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DEALTRAIL_DB=sqlite:////data/dealtrail.db \
    DEALTRAIL_KEY_FILE=/data/master.key \
    DEALTRAIL_SERVICE_HOST=0.0.0.0 \
    DEALTRAIL_SERVICE_PORT=8080 \
    DEALTRAIL_SERVICE_KEYS=true
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["dealtrail"]
CMD ["serve"]
