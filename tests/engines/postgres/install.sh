# Run in a container of Debian: what an image with PostgreSQL needs of packages.
set -e
# What is lost when the machine stops meanwhile is no image yet.
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --yes --no-install-recommends postgresql-15 postgresql-client-15
apt-get clean
rm -rf /var/lib/apt/lists/*
# The cluster that the package makes at its installation is nobody's.
rm -rf /var/lib/postgresql/15 /etc/postgresql/15
install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
install -d -o postgres -g postgres -m 2775 /var/run/postgresql
