import nbformat, re, json
from marl_edu import exercises
from marl_edu.exercises.grading import source_of

class Book:
    def __init__(self): self.cells=[]
    def md(self,text): self._add(nbformat.v4.new_markdown_cell(text.strip('\n')))
    def code(self,text,*tags,**meta):
        c=nbformat.v4.new_code_cell(text.strip('\n'))
        if tags: c.metadata['tags']=list(tags)
        c.metadata.update(meta); self._add(c)
    def _add(self,c):
        c['id']=f'c{len(self.cells):03d}'; self.cells.append(c)
    def exercise(self,name,before=None):
        e=getattr(exercises,name)
        self.md(f":::{{exercise}} {e.title}\n:label: ex-{name.replace('_','-')}\n\n{e.header}\n\n{e.statement}\n:::")
        if before: before()
        self.code(f"{e.starter}\n\n\nverdict = exercises.{name}.grade({e.solution.__name__})\nverdict")
        self.md(f":::{{dropdown}} Hint\n{e.hint}\n:::")
        src=source_of(e.solution); fn=e.solution.__name__
        src=re.sub(rf"^def {fn}\(",f"def solved_{fn}(",src)
        self.code(f"{src}\n\n\nverdict = exercises.{name}.grade(solved_{fn})\nassert verdict.passed, verdict\nverdict","hide-cell",jupyter={'source_hidden':True},mystnb={'code_prompt_hide':'Solution','code_prompt_show':'Solution'})
    def save(self,path):
        nb=nbformat.v4.new_notebook(cells=self.cells)
        nb.metadata={'kernelspec':{'display_name':'Python 3','language':'python','name':'python3'},'language_info':{'name':'python'}}
        nbformat.validate(nb)
        open(path,'w').write(json.dumps(nb,indent=1,ensure_ascii=False)+'\n')
