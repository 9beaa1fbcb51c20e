# regraft for CPUs. `docker build -t regraft .`, then `docker run --rm --network none regraft` runs the demo offline.
FROM python:3.12-slim

# PyTorch's plain Linux wheel carries GPU libraries of several gigabytes. Where your package index has PyTorch's CPU build,
# name that index: docker build --build-arg PIP_EXTRA_INDEX_URL=... --build-arg TORCH='torch==2.8.0+cpu torchvision==0.23.0+cpu' .
ARG PIP_EXTRA_INDEX_URL=
ARG TORCH="torch torchvision"
RUN pip install --no-cache-dir $TORCH

COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
RUN pip install --no-cache-dir /source && rm -r /source

# What is found out about images is kept where any user may write.
ENV REGRAFT_CACHE=/cache
RUN mkdir -m 1777 /cache /work
USER 1000
WORKDIR /work
ENTRYPOINT ["regraft"]
CMD ["demo", "--folder", "/tmp/regraft-demo"]
