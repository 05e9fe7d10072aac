# SPDX-License-Identifier: GPL-2.0-or-later
"""Wi-Fi in the laboratory: mac80211_hwsim's radios. net0 of the mobile node is
one of them, with wpa_supplicant; two others are hostapd's, one for each of two
networks, in sw:

    mn net0  ~ ~ ~  ap1 br1 --- ar1 ------- core --- cn
              ~ ~   ap2 br2 --- ar2 --------/|
       net1 ------------- br3 --- ar3 ------/

What the mobile node hears of an access point is set by hear().
"""

import contextlib
import os
import subprocess
import time

from lab import Lab, LabError, mac, wait_for

PHYS = "/sys/class/ieee80211"
DEBUG = "/sys/kernel/debug/ieee80211"
LOUD, WEAK_AT, FAINT = -30, -60, -68    # dBm; hwsim's transmit power is 20
POWER = 20

HOSTAPD = """interface=ap{n}
bridge=br{n}
ssid=kedge
hw_mode=g
channel={channel}
beacon_int=50
ctrl_interface={path}/hostapd{n}
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=of-the-laboratory
"""
SUPPLICANT = """ctrl_interface={path}/wpa
network={{
ssid="kedge"
psk="of-the-laboratory"
scan_freq=2412 2437
}}
"""


def why_not():
    """None, or what is missing here."""
    if subprocess.run(["modprobe", "-n", "-q", "mac80211_hwsim"],
                      check=False).returncode:
        return "this kernel has no mac80211_hwsim"
    if os.path.isdir("/sys/module/mac80211_hwsim"):
        return "mac80211_hwsim is in use here"
    return None


def point(n):
    """The link-layer address of that network's access point."""
    return f"02:00:00:00:a0:{n:02x}"


class AirLab(Lab):
    """net0 is a radio. Its module is loaded, and taken away at the end."""

    phys = {}       # {"ap1", "ap2", "net0": name of its phy}

    def up(self):
        subprocess.run(["modprobe", "mac80211_hwsim", "radios=3"], check=True)
        wait_for("the radios", lambda: len(os.listdir(PHYS)) == 3)
        self.phys = dict(zip(("net0", "ap1", "ap2"), sorted(
            os.listdir(PHYS))))
        self.nics = {name: os.listdir(f"{PHYS}/{phy}/device/net")[0]
                     for name, phy in self.phys.items()}
        super().up()

    def down(self):
        super().down()
        subprocess.run(["modprobe", "-r", "mac80211_hwsim"], check=False)

    def _radio(self, space, name, address):
        """One of the radios into that namespace, with this name."""
        subprocess.run(["iw", "phy", self.phys[name], "set", "netns", "name",
                        self.ns(space)], check=True)
        self.ip(space, f"link set {self.nics[name]} name {name} "
                f"address {address}")

    def _mobile(self, who):
        super()._mobile(who)
        self.ip(who, "link del net0")
        self._radio(who, "net0", mac())
        self.ip(who, "link set net0 up")

    def _point(self, n):
        self._radio("sw", f"ap{n}", point(n))
        self.hear(n, LOUD)
        conf = self.path("conf", f"hostapd{n}")
        with open(conf, "w", encoding="ascii") as f:
            f.write(HOSTAPD.format(n=n, channel=5 * n - 4, path=self.tmp))
        self.spawn("sw", f"hostapd{n}", "hostapd", conf)
        wait_for(f"access point {n}", lambda: "AP-ENABLED" in
                 self.log(f"hostapd{n}"), 20)

    def hear(self, *what):
        """hear(n, dbm, ...): what is heard of network n's access point from
        now on. Linux before 6.2 takes no negative number."""
        for n, dbm in zip(what[::2], what[1::2]):
            path = f"{DEBUG}/{self.phys[f'ap{n}']}/hwsim/rx_rssi"
            for text in (f"{dbm - POWER}", f"{2 ** 64 + dbm - POWER}"):
                with contextlib.suppress(OSError), \
                        open(path, "w", encoding="ascii") as f:
                    f.write(text)
                    f.flush()
            with open(path, encoding="ascii") as f:
                told = int(f.read())
            if told not in (dbm - POWER, 2 ** 64 + dbm - POWER):
                raise LabError(f"{path}: {told}")

    def wpa(self, *args, check=True):
        return self.cmd("mn", "wpa_cli", "-p", self.path("wpa"), "-i", "net0",
                        *args, check=check)

    def with_point(self, n, limit=30):
        wait_for(f"net0 at access point {n}", lambda: all(
            t in self.wpa("status", check=False) for t in
            ("wpa_state=COMPLETED", f"bssid={point(n)}")), limit, 0.1)
        self.place["mn", "net0"] = n

    def associate(self, n=1):
        """net0 with the access point of network n, the only one there is: on a
        slow machine it would end up with any."""
        conf = self.path("conf", "wpa")
        with open(conf, "w", encoding="ascii") as f:
            f.write(SUPPLICANT.format(path=self.tmp))
        self._point(n)
        self.spawn("mn", "wpa", "wpa_supplicant", "-i", "net0", "-c", conf)
        self.with_point(n)

    def roam(self, n):
        """Another one comes, and is heard; net0 goes to it, sharply."""
        self._point(n)
        wait_for(f"access point {n} is heard", lambda: self.wpa("scan") and (
            time.sleep(0.5) or point(n) in self.wpa("scan_results")), 20, 1)
        at = time.time()
        self.wpa("roam", point(n))
        self.with_point(n)
        return at
