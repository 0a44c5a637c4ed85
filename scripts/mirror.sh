# Sourced: `debian_mirror` prints the Debian mirror that this machine's own apt configuration uses.

debian_mirror() {
  apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(SITE) $(ORIGIN)' 2>/dev/null |
    awk '$NF == "Debian" && $1 !~ /security/ { sub(/\/$/, "", $1); print $1; found = 1; exit } END { exit !found }'
}
