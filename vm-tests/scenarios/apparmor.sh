# Sourced by guest/run.sh: the steps that confinement.rs reads.
profiles() { grep confined-app /sys/kernel/security/apparmor/profiles; }
step install install
step held profiles
step under confined apparmor/current
step clean groundfast drift
step complain apparmor_parser --replace --skip-cache --Complain /etc/apparmor.d/confined-app
step complaining groundfast drift
step heal install
step held profiles
step unload apparmor_parser --remove /etc/apparmor.d/confined-app
step unloaded groundfast drift
step heal install
step under confined apparmor/current
step clean groundfast drift
step edit sed -i 's/deny /allow /' /etc/apparmor.d/confined-app
step edited groundfast drift
step heal install
# From the first run on: everything.
step rollback groundfast rollback "$(ls /var/lib/groundfast/runs | head -n 1)" --yes
step gone profiles
step file ls /etc/apparmor.d/confined-app
