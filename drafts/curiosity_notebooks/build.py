import sys,re
which=sys.argv[1]
src=open(f'/tmp/nb/{which}.py').read()
fills={}
try: exec(open(f'/tmp/nb/fill_{which}.py').read(),fills)
except FileNotFoundError: pass
def f(m): return fills.get(m.group(1),'pass' if m.group(1).startswith(('ASSERT','TEAM')) else 'TODO')
src=re.sub(r'@@(\w+)@@',f,src)
src+=f"\nb.save('{sys.argv[2]}')\n"
exec(src)
