# Becomes the box: $1 its folder, $2 deploy/systemd, $3 source tree, $4 packages, $5 home of Python.
# Runs as the first process of new namespaces; everything it changes ends with them.
set -e
mount --make-rprivate /
mount -t proc proc /proc
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/box /run/layers
mount -o loop "$1/disk.img" /run/layers
mount --bind "$1" /run/box
for place in etc opt var/lib; do
    mkdir -p "/run/layers/$place/up" "/run/layers/$place/work"
    mount -t overlay overlay -o "lowerdir=/$place,upperdir=/run/layers/$place/up,workdir=/run/layers/$place/work" "/$place"
done
rm -rf /opt/isolane /etc/isolane
mkdir -p /opt/isolane/versions/1/bin /opt/isolane/src /opt/isolane/packages /opt/isolane/python
ln -s versions/1 /opt/isolane/current
mount --bind "$3" /opt/isolane/src
mount --bind "$4" /opt/isolane/packages
mount --bind "$5" /opt/isolane/python
cat >/opt/isolane/current/bin/isolane <<X
#!/bin/sh
export LD_LIBRARY_PATH=/opt/isolane/python/lib PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/isolane/src:/opt/isolane/packages
exec /opt/isolane/python/bin/python3 -P -m isolane "\$@"
X
chmod 755 /opt/isolane/current/bin/isolane
cp -r /run/box/site /etc/isolane
mount -t tmpfs tmpfs /etc/systemd/system
mount -t tmpfs tmpfs /var/lib/systemd
cp "$2"/*.service "$2"/*.socket "$2"/*.path "$2"/*.timer /etc/systemd/system/
cp -r /run/box/site/units/. /etc/systemd/system/
systemd-sysusers "$2/isolane-users.conf"
systemd-tmpfiles --create "$2/isolane.conf"
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /var/tmp
chmod 755 /etc/isolane /etc/isolane/pki
chown isolane-value /etc/isolane/pki/listener.key
chown isolane-health /etc/isolane/pki/gateway.key
chown isolane-center /etc/isolane/pki/ingest.key /etc/isolane/pki/center.key
ip link set lo up
container=isolane-box exec /lib/systemd/systemd --system --unit=box.target --show-status=no --log-target=console
