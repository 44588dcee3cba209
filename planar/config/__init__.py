"""What the user configured: files and environment in, one frozen and validated value out. Nobody else reads either.

settings   every setting there is: name, default, unit, help
load       user/planar.toml and the environment, joined and checked
check      one value against its setting
limits     the limits of a run, joined from where they are set
secrets    user/secrets.toml, kept from readers, logs and prints
vault      secrets at rest, encrypted
keys       putting keys into it, and taking them out
files      reading and writing such files
document   the table of settings as rows and as Markdown
edit       changing one setting and keeping the file's comments
names      what exchanges are called
"""
