"""The commands whose outputs are facts of a host, and what is taken out of them so that two runs in a row are equal. Data.

The form is that of `programs/kit_snapshot_facts`; rules are those of `programs/kit_normalise`. Nothing here is run where the
program is not there.
"""

from __future__ import annotations

from typing import Any

FACT_SECONDS = 20
FACTS_SECONDS = 90

_PASSING = r"(?:veth|cali|lxc|cni|flannel|vnet|tap|tun|docker|br-|podman|kube|nodelocaldns|dummy|ovn|genev|vxlan)"
"""Names of network interfaces that come and go with containers."""
_CHURN = r"(?:KUBE-|cali-|CNI-|DOCKER|FLANNEL|CILIUM)"


def _fact(name: str, *steps: str, **more: Any) -> dict[str, Any]:
    """A fact whose commands have no spaces within a word ("~" stands for one)."""
    return {"name": name, "steps": [[word.replace("~", " ") for word in step.split()] for step in steps], **more}


_SORTED: dict[str, Any] = {"sort": True}

PACKAGES = (
    _fact(
        "packages",
        r"dpkg-query -W -f=${binary:Package}~${Version}~${db:Status-Abbrev}\n",
        r"rpm -qa --qf %{NAME}.%{ARCH}~%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n",
        "pacman -Q",
        first=True,
        rules=_SORTED,
    ),
    _fact(
        "holds",
        "apt-mark showhold",
        "dnf -q -C versionlock list",
        "zypper --quiet --no-refresh locks",
        first=True,
        rules=_SORTED,
    ),
    _fact("packages-manual", "apt-mark showmanual", "pacman -Qqe", first=True, rules=_SORTED),
    _fact("repositories", "apt-cache policy", "dnf -q -C repolist -v", "zypper --no-refresh lr -u", first=True)
    | {
        "rules": {"drop": [r"^Repo-(?:updated|size|pkgs|available-pkgs|expire)", r"^Total packages", r"metadata expir"]}
    },
    _fact("snaps", "snap list --unicode=never --color=never", rules=_SORTED),
    _fact("flatpaks", "flatpak list --columns=application,version,branch,installation", rules=_SORTED),
    _fact("alternatives", "update-alternatives --get-selections", rules=_SORTED),
)

KERNEL = (
    _fact("kernel", "uname -srvm"),
    {"name": "command-line", "file": "/proc/cmdline"},
    {"name": "modules", "file": "/proc/modules", "rules": {"replace": [[r"\s.*$", ""]], "sort": True}},
    _fact("module-nvidia", "modinfo nvidia"),
    _fact("dkms", "dkms status", rules=_SORTED),
    _fact(
        "sysctl",
        "sysctl -a",
        rules={
            "drop": [
                r"^fs\.(?:dentry-state|inode-|file-nr|aio-nr|quota\.)",
                r"^kernel\.(?:random\.|ns_last_pid|pty\.nr|perf_event_max_sample_rate|sched_domain)",
                r"^net\..*conntrack_(?:count|max_used)",
                r"^net\.(?:ipv4|ipv6|mpls)\.(?:conf|neigh)\." + _PASSING,
                r"^net\..*(?:stable_secret|fastopen_key)",
                r"^dev\.cdrom\.info",
            ],
            "sort": True,
        },
    ),
    _fact("boot-entries", "efibootmgr -v", rules={"drop": [r"^(?:BootCurrent|BootNext|Timeout):"]}),
    _fact("secure-boot", "mokutil --sb-state"),
    _fact("selinux", "getenforce"),
)

SYSTEMD = (
    _fact(
        "unit-files",
        "systemctl list-unit-files --no-legend --no-pager --full",
        rules={"drop": [r"\s(?:transient|generated)\b", r"^run-|^snap-"], "replace": [[r"\s+", " "]], "sort": True},
    ),
    _fact(
        "failed-units",
        "systemctl list-units --failed --plain --no-legend --no-pager --full",
        rules={"replace": [[r"^\W*(\S+)\s.*$", r"\1"]], "sort": True},
    ),
    _fact(
        "timers",
        "systemctl list-timers --all --no-legend --no-pager --full",
        rules={
            "replace": [[r"^.*?(\S+\.timer)\s+(\S+)\s*$", r"\1 \2"]],
            "drop": [r"\brun-[\w-]+\.timer"],
            "sort": True,
        },
    ),
    _fact("unit-overrides", "systemd-delta --no-pager --diff=no"),
    _fact("time", "timedatectl show -p Timezone -p LocalRTC -p NTP"),
    _fact("locale", "localectl status", "locale", first=True),
    _fact("tuned", "tuned-adm active"),
)

STORAGE = (
    _fact(
        "block-devices",
        "lsblk -J -o NAME,TYPE,SIZE,FSTYPE,LABEL,UUID,PARTUUID,MOUNTPOINT,MODEL,SERIAL,RO",
        rules={"json": {"without": {"type": "loop$|rom$", "name": r"(?:loop|zram|ram|nbd|rbd)\d"}}},
    ),
    _fact(
        "mounts",
        "findmnt -rn --real -o TARGET,SOURCE,FSTYPE,OPTIONS",
        rules={
            "drop": [r"^/(?:run|proc|sys|snap)/", r"^/var/lib/(?:docker|containerd|containers|kubelet|snapd)/"],
            "sort": True,
        },
    ),
    _fact("block-ids", "blkid", rules={"drop": [r"^/dev/(?:loop|zram|nbd|rbd)\d"], "sort": True}),
    _fact("lvm-physical", "pvs --noheadings --separator , -o pv_name,vg_name,pv_size,pv_uuid", rules=_SORTED),
    _fact("lvm-groups", "vgs --noheadings --separator , -o vg_name,vg_size,pv_count,vg_uuid", rules=_SORTED),
    _fact("lvm-volumes", "lvs --noheadings --separator , -o vg_name,lv_name,segtype,lv_size,lv_uuid", rules=_SORTED),
    _fact("raid", "mdadm --detail --scan", rules=_SORTED),
    _fact(
        "zfs-pools",
        "zpool status -P",
        rules={"drop": [r"^\s*scan:", r"^\s+\d+.* (?:done|to go|scanned|issued)", r"^errors:"]},
    ),
    _fact("zfs-properties", "zfs get -H -s local -o name,property,value all", rules=_SORTED),
    _fact("multipath", "multipath -v1 -l", rules=_SORTED),
)

NETWORK = (
    _fact(
        "addresses",
        "ip -j addr",
        rules={
            "json": {
                "drop": ["valid_life_time", "preferred_life_time", "ifindex", "link_index", "operstate"],
                "without": {"ifname": _PASSING},
            }
        },
    ),
    _fact(
        "routes",
        "ip route show table all",
        rules={
            "drop": [rf"\bdev {_PASSING}", r"^(?:local|broadcast|multicast|anycast|ff00)"],
            "replace": [[r"\s+expires \S+", ""], [r"\s+linkdown\b", ""]],
        },
    ),
    _fact("routing-rules", "ip rule show"),
    _fact(
        "firewall",
        "nft list ruleset",
        rules={
            "drop": [_CHURN],
            "replace": [[r"counter packets \d+ bytes \d+", "counter"], [r"\s+expires [0-9smhdw]+", ""]],
        },
    ),
    _fact(
        "firewall-iptables",
        "iptables-save",
        rules={"drop": ["^#", _CHURN], "replace": [[r"\[\d+:\d+\]", ""]]},
    ),
    _fact(
        "ethtool",
        "ethtool {name}",
        "ethtool -i {name}",
        "ethtool -k {name}",
        "ethtool -g {name}",
        each="/sys/class/net/*/device",
        parent=True,
        rules={"drop": [r"Current message level", r"^\s+drv probe link", r"Link detected"]},
    ),
    _fact("infiniband", "ibstat", rules={"drop": [r"^\s*(?:SM lid|Base lid):"]}),
    {"name": "resolver", "file": "/etc/resolv.conf"},
)

HARDWARE = (
    _fact("dmi", "dmidecode -q"),
    _fact("bios", "dmidecode -s bios-version", "dmidecode -s bios-release-date", "dmidecode -s system-product-name"),
    _fact("cpu", "lscpu", rules={"drop": [r"MHz", r"BogoMIPS"]}),
    _fact("numa", "numactl -H", rules={"drop": [r" free:"]}),
    _fact(
        "pci",
        "lspci -nnvv",
        rules={
            "drop": [
                r"^\s+(?:Status|DevSta|UESta|CESta|RootSta|SltSta|LnkSta2|HeaderLog|Interrupt|Latency|ErrorSrc|PTMControl):",
                r"^\s+(?:Address: [0-9a-f]+|AERCap:|Masking:|Vector table:|PBA:|Pending:)",
                r"PME-Enable|Status: D\d",
                r"^\s+(?:TransErr|ERR_|EqualizationComplete|RetimerPresence)",
            ],
            "replace": [[r"(LnkSta:\s*)Speed [\d.]+GT/s[^,]*,\s*", r"\1"], [r"(Width x\d+)(?: \([^)]*\))?.*$", r"\1"]],
        },
    ),
    _fact("bmc", "ipmitool mc info"),
    _fact("bmc-network", "ipmitool lan print", rules={"drop": [r"^Gratituous ARP|^Default Gateway MAC"]}),
    _fact("bmc-log", "ipmitool sel info", rules={"drop": [r"^(?:Entries|Free Space|Percent|Last)"]}),
)

ACCOUNTS = (
    _fact("users", "getent passwd", rules=_SORTED),
    _fact("groups", "getent group", rules=_SORTED),
    _fact("acl", "getfacl -R -s -p -P /etc /usr/local/etc /usr/local/bin /var/spool/cron"),
    _fact(
        "xattr",
        r"getfattr -R -d -h -P -e hex --absolute-names -m ^(user\.|trusted\.|security\.capability) /etc /usr/local",
    ),
)

_GPU_PASSING = (
    "timestamp",
    "gpu_temp",
    "memory_temp",
    "gpu_temp_tlimit",
    "utilization",
    "encoder_stats",
    "fbc_stats",
    "performance_state",
    "clocks",
    "clocks_event_reasons.*",
    "clocks_throttle_reasons",
    "sw_power_brake_.*",
    "voltage",
    "fan_speed",
    "used",
    "free",
    "reserved",
    "ecc_errors",
    ".*power_draw.*",
    "power_state",
    "processes",
    "accounted_processes",
    "tx_util",
    "rx_util",
    "current_link_gen",
    "device_current_link_gen",
    "replay_counter",
    "replay_rollover_counter",
    "samples",
    "latest",
)
GPU = (
    _fact("gpu-settings", "nvidia-smi -q -x", rules={"xml": _GPU_PASSING}),
    _fact("gpu-list", "nvidia-smi -L"),
    _fact(
        "gpu-versions",
        "nvidia-smi --query-gpu=index,name,driver_version,vbios_version,persistence_mode,power.limit,ecc.mode.current,"
        "compute_mode,mig.mode.current --format=csv,noheader",
    ),
    _fact("gpu-topology", "nvidia-smi topo -m"),
    _fact("mig-instances", "nvidia-smi mig -lgi", "nvidia-smi mig -lci"),
    _fact("mig-layout", "nvidia-mig-parted export"),
    _fact("gpu-policy", "dcgmi policy --get"),
    _fact("cuda-compiler", "nvcc --version"),
    _fact("container-toolkit", "nvidia-ctk --version"),
)

CLUSTER = (
    _fact(
        "slurm-config",
        "scontrol show config",
        rules={"drop": [r"^Configuration data as of", r"^(?:BOOT_TIME|NEXT_JOB_ID)\b"], "mask": True},
    ),
    _fact(
        "slurm-nodes",
        "scontrol -o show node",
        rules={
            "replace": [
                [
                    r"\s(?:CPUAlloc|CPULoad|FreeMem|AllocMem|AllocTRES|State|BootTime|SlurmdStartTime|LastBusyTime)=\S*",
                    "",
                ],
                [r"\s(?:CurrentWatts|AveWatts|ExtSensors\w+|ResumeAfterTime|LastBusyTime)=\S*", ""],
                [r"\s(?:Reason|Comment|Extra)=.*$", ""],
            ],
            "sort": True,
        },
    ),
    _fact("slurm-partitions", "scontrol -o show partition", rules={"replace": [[r"\sState=\S*", ""]], "sort": True}),
    _fact("slurm-qos", "sacctmgr -nP show qos", rules=_SORTED),
    _fact("slurm-accounts", "sacctmgr -nP show assoc", rules=_SORTED),
    _fact(
        "kubernetes-node",
        "kubectl --request-timeout=15s get node {host} -o json",
        rules={
            "json": {
                "drop": [
                    "conditions",
                    "images",
                    "resourceVersion",
                    "managedFields",
                    "annotations",
                    "allocatable",
                    "volumesInUse",
                    "volumesAttached",
                    "generation",
                ]
            }
        },
    ),
)

_CONTAINER_STATE = [
    "State",
    "Id",
    "Created",
    "Pid",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "NetworkSettings",
    "GraphDriver",
    "Storage",
    "RestartCount",
    "ExecIDs",
    "MountLabel",
    "ProcessLabel",
    "Hostname",
    "Healthcheck",
]
CONTAINERS = (
    _fact("docker-containers", "docker ps -a --no-trunc --format {{.Names}}~{{.Image}}", rules=_SORTED),
    _fact(
        "docker-settings",
        "docker ps -aq --no-trunc",
        "docker inspect",
        feed=True,
        rules={
            "json": {"drop": _CONTAINER_STATE, "names": ["Env"], "words": ["Args", "Cmd", "Entrypoint"]},
            "mask": True,
        },
    ),
    _fact(
        "docker-images",
        "docker images --digests --no-trunc --format {{.Repository}}:{{.Tag}}~{{.Digest}}~{{.ID}}",
        rules=_SORTED,
    ),
    _fact("docker-volumes", "docker volume ls --format {{.Driver}}~{{.Name}}", rules=_SORTED),
    _fact("podman-containers", "podman ps -a --no-trunc --format {{.Names}}~{{.Image}}", rules=_SORTED),
    _fact("images", "crictl images --digests --no-trunc", rules=_SORTED),
)

FACTS: tuple[dict[str, Any], ...] = (
    *PACKAGES,
    *KERNEL,
    *SYSTEMD,
    *STORAGE,
    *NETWORK,
    *HARDWARE,
    *ACCOUNTS,
    *GPU,
    *CLUSTER,
    *CONTAINERS,
)

_PLACES = (
    "/usr/local",
    "/opt/*",
    "/opt/*/*",
    "/opt/*/*/*",
    "/srv/*",
    "/srv/*/*",
    "/root/*",
    "/root/*/.venv",
    "/root/.venv",
)
_HOMES = ("/home/*/*", "/home/*/*/*", "/home/*/*/.venv", "/home/*/.venv", "/home/*/.conda/envs/*", "/home/*/*/envs/*")
LISTS: dict[str, dict[str, Any]] = {
    "python-packages": {
        "form": "package",
        "paths": [
            f"{place}/{rest}"
            for place in (*_PLACES, *_HOMES)
            for rest in (
                "lib/python3*/site-packages/*.dist-info",
                "lib/python3*/dist-packages/*.dist-info",
                "conda-meta/*.json",
            )
        ],
    },
    "models": {
        "form": "content",
        "paths": [
            f"{place}/hub/*/refs/*"
            for place in (
                "/root/.cache/huggingface",
                "/home/*/.cache/huggingface",
                "/data/huggingface",
                "/srv/huggingface",
                "/srv/*",
                "/data/*",
                "/models",
            )
        ],
    },
}
"""Read from directories, since no program of a user is run: packages of every environment, revisions of cached models."""
