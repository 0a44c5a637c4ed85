# Sourced by guest/run.sh: the steps that confinement.rs reads.
label() { stat --format %C /srv/data; }
module() { semodule --list-modules=full | grep confined-app; }
step enforcing getenforce
step before label
step install install
step held module
step labelled label
step clean groundfast drift
step disable semodule --disable=confined-app
step disabled groundfast drift
step heal install
step relabel chcon system_u:object_r:default_t:s0 /srv/data
step relabelled groundfast drift
step heal install
step labelled label
step rollback groundfast rollback "$(ls /var/lib/groundfast/runs | head -n 1)" --yes
step gone module
step after label
