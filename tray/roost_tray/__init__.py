"""The tray: every project of this user at a glance.  A pure client; its end changes nothing that runs."""
