"""What the user configured: files and environment in, one frozen and validated value out. Nobody else reads either.

settings   every setting there is: name, default, unit, help
load       user/planar.toml and the environment, joined and checked
check      one value against its setting
secrets    user/secrets.toml, kept from readers, logs and prints
edit       changing one setting and keeping the file's comments
names      what exchanges are called
"""
