#!/bin/sh
# Makes the certificates and keys of the TLS tests, with openssl, in the folder named. Nothing here
# is a secret: each build makes its own and none is kept.
#
#   certificates.sh FOLDER
set -eu

if [ $# -ne 1 ]; then
  echo "usage: certificates.sh FOLDER" >&2
  exit 2
fi
if ! command -v openssl >/dev/null; then
  echo "certificates.sh: openssl is missing; on Debian and Ubuntu: apt-get install openssl" >&2
  exit 1
fi
mkdir -p "$1"
cd "$1"

# authority NAME: a certificate authority that signs itself.
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/O=parley tests/CN=$1" -keyout "$1.key" -out "$1.pem" \
    -addext "keyUsage=critical,keyCertSign,cRLSign"
}

# certificate NAME AUTHORITY ALTERNATIVE-NAMES [START END]: one that AUTHORITY signed.
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -subj "/O=parley tests/CN=$1" -keyout "$1.key" -out "$1.csr"
  rm -rf "$1.ca"
  mkdir "$1.ca"
  : >"$1.ca/index"
  cat >"$1.ca/config" <<CONFIG
[ca]
default_ca = authority
[authority]
database = $1.ca/index
new_certs_dir = $1.ca
rand_serial = yes
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
organizationName = supplied
commonName = supplied
[extensions]
basicConstraints = critical,CA:false
subjectAltName = $3
CONFIG
  # openssl ca alone lets every version of openssl since 1.1 make a certificate of the past.
  openssl ca -batch -notext -config "$1.ca/config" -cert "$2.pem" -keyfile "$2.key" \
    -startdate "${4:-20200101000000Z}" -enddate "${5:-20450101000000Z}" -in "$1.csr" -out "$1.pem"
  rm -rf "$1.ca" "$1.csr"
}

# openssl's talk is for whoever has to find out why it failed.
exec 3>&2 >openssl.log 2>&1
failed() {
  cat openssl.log
  echo "certificates.sh: openssl failed, see above"
}
trap '[ $? -eq 0 ] || failed >&3' EXIT

authority ca
authority other_ca
certificate server ca DNS:localhost,IP:127.0.0.1
certificate server_elsewhere ca DNS:elsewhere.test
certificate server_expired ca DNS:localhost,IP:127.0.0.1 20200101000000Z 20200201000000Z
certificate client ca DNS:alice.test,URI:spiffe://test/alice
certificate client_expired ca DNS:alice.test 20200101000000Z 20200201000000Z
certificate client_of_other_ca other_ca DNS:alice.test
