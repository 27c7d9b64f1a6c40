# The app, for processors:       docker build -t clnp .
# The same, for NVIDIA's GPUs:    docker build -t clnp --build-arg TORCH=cu130 .
# Then:                           docker run --init -p 127.0.0.1:8501:8501 -v clnp:/data clnp
FROM python:3.12-slim

# Draws figures as PDF.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium-headless-shell fonts-liberation \
    && rm -rf /var/lib/apt/lists/*

# Which build of torch: a folder of PyTorch's own index. Its builds are named 2.13.0+cpu, which pip takes before 2.13.0.
ARG TORCH=cpu
COPY requirements.txt /source/
RUN pip install --no-cache-dir --extra-index-url "https://download.pytorch.org/whl/${TORCH}" -r /source/requirements.txt

COPY pyproject.toml README.md LICENSE /source/
COPY clnp_core /source/clnp_core
COPY dashboard /source/dashboard
RUN pip install --no-cache-dir --no-deps /source \
    && useradd --create-home --uid 1000 clnp \
    && install --directory --owner clnp /data

USER 1000
WORKDIR /home/clnp
# The container's own address: who reaches the app is decided by the port that is published.
ENV CLNP_STORE=/data/runs \
    CLNP_DATA_DIR=/data/sets \
    BROWSER_PATH=/usr/bin/chromium-headless-shell \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0
VOLUME /data
EXPOSE 8501
ENTRYPOINT ["clnp"]
CMD ["dashboard", "--no-browser"]
