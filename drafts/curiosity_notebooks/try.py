import json,sys,time,traceback
nb=json.load(open(sys.argv[1])); ns={}
from IPython.display import display
for c in nb['cells']:
    if c['cell_type']!='code': continue
    s=''.join(c['source']); t=time.time()
    try: 
        exec(compile(s,c['id'],'exec'),ns)
    except Exception as e:
        print('!!',c['id'],type(e).__name__,str(e)[:200], s.split('\n')[0])
    dt=time.time()-t
    if dt>1.5: print(c['id'],round(dt,1),'s')
