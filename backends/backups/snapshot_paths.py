"""Which paths of a host are its configuration, which of them are secrets, and which say nothing. Data.

Starting paths are matched part by part ("*" is one name); a directory comes whole. In all other patterns "*" stands for
anything, slashes as well. A file is in exactly one of the two snapshots: "secrets" holds the keys and password hashes,
"config" everything else.
"""

from __future__ import annotations

_HOMES = ("/root", "/home/*")

SYSTEM = (
    "/etc",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/etc",
    "/opt/*/etc",
    "/var/spool/cron",
    "/usr/share/keyrings",
    "/var/lib/AccountsService/users",
)
BOOT = (
    "/boot/grub/grub.cfg",
    "/boot/grub/custom.cfg",
    "/boot/grub/grubenv",
    "/boot/grub/device.map",
    "/boot/grub2/grub.cfg",
    "/boot/grub2/user.cfg",
    "/boot/grub2/grubenv",
    "/boot/loader",
    "/boot/efi/loader",
    "/boot/efi/EFI/*/grub.cfg",
    "/boot/cmdline.txt",
    "/boot/config.txt",
    "/boot/firmware/cmdline.txt",
    "/boot/firmware/config.txt",
    "/efi/loader",
)
ACCOUNTS = (
    "/root/.ssh",
    "/home/*/.ssh/authorized_keys",
    "/home/*/.ssh/config",
    *(
        f"{home}/{path}"
        for home in _HOMES
        for path in (
            ".config/systemd",
            ".config/pip",
            ".config/uv",
            ".config/containers",
            ".condarc",
            ".pip/pip.conf",
            ".modulerc",
            ".docker/config.json",
            ".kube/config",
            ".netrc",
            ".pgpass",
            ".git-credentials",
            ".aws/credentials",
            ".cache/huggingface/token",
        )
    ),
)
GPU = (
    "/usr/share/nvidia/nvswitch/fabricmanager.cfg",
    "/usr/lib/systemd/system/nvidia*.service",
    "/usr/lib/systemd/system/*dcgm*.service",
    "/usr/lib/systemd/system/*exporter*.service",
    "/lib/systemd/system/*exporter*.service",
)
CLUSTER = (
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
    "/var/lib/kubelet/pki",
    "/var/lib/rancher/*/server/token",
    "/var/lib/rancher/*/server/tls",
    "/var/lib/rancher/*/agent/etc",
    "/usr/lib/systemd/system/slurm*.service",
    "/usr/lib/systemd/system/munge.service",
    "/var/spool/slurmctld/*_state",
    "/var/spool/slurm/ctld/*_state",
    "/var/lib/slurm/slurmctld/*_state",
    "/var/lib/slurmctld/*_state",
)
SERVICES = (
    *(
        f"{place}/{name}"
        for place in ("/opt/*", "/srv/*", "/root/*", "/srv")
        for name in ("docker-compose*.y*ml", "compose*.y*ml", ".env", "*.env", "config.pbtxt", "*/config.pbtxt")
    ),
    "/usr/lib/systemd/system/*ollama*.service",
    "/usr/lib/systemd/system/*vllm*.service",
    "/usr/lib/systemd/system/*triton*.service",
    "/usr/share/modulefiles",
    "/usr/local/modulefiles",
    "/opt/modulefiles",
    "/opt/*/modulefiles",
    "/opt/*/.condarc",
)

PATHS = (*SYSTEM, *BOOT, *ACCOUNTS, *GPU, *CLUSTER, *SERVICES)

EXCLUDED = (
    "/etc/.git",
    "/etc/.git/*",
    "/etc/.pwd.lock",
    "/etc/passwd.lock",
    "/etc/group.lock",
    "/etc/shadow.lock",
    "/etc/gshadow.lock",
    "/etc/subuid.lock",
    "/etc/subgid.lock",
    "/etc/ld.so.cache",
    "/etc/adjtime",
    "/etc/udev/hwdb.bin",
    "/etc/lvm/cache*",
    "/etc/lvm/archive*",
    "/etc/zfs/zpool.cache",
    "/etc/cups/subscriptions.conf*",
    "/etc/selinux/*/active/*",
    "/etc/selinux/*/policy/*",
    "/var/spool/cron/atjobs/*",
    "/var/spool/cron/atspool/*",
    "*/__pycache__",
    "*/__pycache__/*",
    "*.swp",
    "*.swarm-[0-9]*",
    "*/.swarm-*",
)
"""What programs derive from the rest, or write all the time; and what a restore left beside a file."""

SECRET = (
    "/etc/shadow",
    "/etc/shadow[-.]*",
    "/etc/gshadow",
    "/etc/gshadow[-.]*",
    "/etc/security/opasswd",
    "/etc/ssh/ssh_host_*_key",
    "/etc/munge/*.key",
    "/etc/kubernetes/pki/*",
    "/etc/kubernetes/*.conf",
    "/var/lib/kubelet/pki/*",
    "/var/lib/rancher/*/server/token",
    "/var/lib/rancher/*/server/tls/*",
    "/etc/rancher/*",
    "/etc/slurm*/*.key",
    "/etc/slurm*/slurmdbd.conf",
    "/etc/ssl/private/*",
    "/etc/pki/tls/private/*",
    "/etc/letsencrypt/accounts/*",
    "/etc/letsencrypt/*/privkey*",
    "/etc/wireguard/*",
    "/etc/NetworkManager/system-connections/*",
    "/run/NetworkManager/system-connections/*",
    "/etc/wpa_supplicant/*",
    "/etc/iwd/*",
    "/etc/ppp/*-secrets*",
    "/etc/ipsec.secrets*",
    "/etc/ipsec.d/private/*",
    "/etc/swanctl/private/*",
    "/etc/krb5.keytab",
    "/etc/iscsi/iscsid.conf",
    "/etc/iscsi/nodes/*",
    "/etc/apt/auth.conf*",
    "/etc/mysql/debian.cnf",
    "/etc/postfix/sasl_passwd*",
    "/etc/sssd/sssd.conf",
    "/etc/sssd/conf.d/*",
    "/etc/ldap.secret",
    "/etc/pam_ldap.conf",
    "/etc/samba/private/*",
    "/etc/ceph/*.keyring",
    "/etc/openvpn/*.key",
    "/etc/snmp/snmpd.conf",
    "/etc/docker/key.json",
    "/etc/netplan/*wifi*",
    "*/.ssh/id_*",
    "*/.docker/config.json",
    "*/.kube/config",
    "*/.netrc",
    "*/.pgpass",
    "*/.git-credentials",
    "*/.aws/credentials",
    "*/.cache/huggingface/token",
    "*htpasswd*",
    "*passwords*",
    "*/passwd.client",
    "*.keytab",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.key",
    "*token",
    "*.token",
    "*credentials",
    "*.secret",
    "*secrets.y*ml",
    "*.kdbx",
)
PUBLIC = (
    "*.pub",
    "/etc/apt/keyrings/*",
    "/etc/apt/trusted.gpg*",
    "/etc/pki/rpm-gpg/*",
    "/usr/share/keyrings/*",
    "/etc/nsswitch.conf",
    "/etc/pam.d/*",
    "/etc/alternatives/*",
)
"""Never secrets, whatever their names; these are looked at first."""

CONTENTS = (
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]|[\w-]+: [^\n]*\n)*[A-Za-z0-9+/=]{16}",
    r"PuTTY-User-Key-File-",
    r"(?m)^\s*client-key-data:\s*\S",
    r"(?im)^\s*(?:private_?key|preshared_?key)\s*=\s*[A-Za-z0-9+/]{43}=",
    r"(?m)^\s*psk\s*=\s*\S",
)
"""What makes any file a secret."""

TOKEN_FILES = (
    "*.env",
    "*/environment",
    "*/environment.d/*",
    "/etc/default/*",
    "/etc/sysconfig/*",
    "*compose*.y*ml",
    "/etc/systemd/*",
    "*/.config/systemd/*",
    "*/pip.conf",
    "*/.condarc",
    "/etc/grafana/*",
    "/etc/prometheus/*",
    "/etc/alertmanager/*",
    "/etc/docker/*",
    "/etc/containerd/*",
    "/etc/containers/*",
    "/etc/netplan/*",
    "/etc/cron*",
    "/var/spool/cron/*",
)
TOKENS = (
    r"(?im)^(?!\s*[#;]).*?(?:pass(?:word|wd|phrase)|secret|token|api_?key|access_?key|credential)s?[\"']?\s*[=:]\s*[\"']?"
    r"[^\s\"'$<{(/%]{8,}",
    r"(?i)\b(?:hf_[a-z0-9]{20,}|gh[pousr]_[a-z0-9]{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|akia[a-z0-9]{16})\b",
    r"(?i)[a-z][a-z0-9+.-]*://[^\s/:@\"']+:[^\s/@\"'$]+@",
)
"""What makes one of `TOKEN_FILES` a secret: something that looks like a password in it."""

VOLATILE = (
    ("var/spool/slurmctld/*", "the controller's running state"),
    ("var/spool/slurm/ctld/*", "the controller's running state"),
    ("var/lib/slurm/slurmctld/*", "the controller's running state"),
    ("var/lib/slurmctld/*", "the controller's running state"),
    ("etc/mtab", "the mounts of now"),
)
"""Kept in snapshots and never drift: path pattern (without the leading slash), why."""

FILE_LIMIT = 8 << 20
TOTAL_LIMIT = 256 << 20
