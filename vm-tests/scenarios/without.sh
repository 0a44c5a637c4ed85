# Sourced by guest/run.sh: the steps that confinement.rs reads.
step install install
step file ls /etc/apparmor.d/confined-app
step clean groundfast drift
